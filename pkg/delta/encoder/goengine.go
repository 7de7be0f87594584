package encoder

import (
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/delta/encoder/internal/goflate"
)

// goFamily is compress/flate as it was from Go 1.8 to 1.26; level -1 was 6.
const goFamily = "go1.8"

// A goEngine is a level of goFamily.
type goEngine int

var _ teller = goEngine(0)

func (e goEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	return goflate.NewWriter(w, int(e))
}

func (e goEngine) newTeller(w io.Writer, tell func(Checkpoint)) (io.WriteCloser, error) {
	z, err := goflate.NewWriter(w, int(e))
	if err != nil {
		return nil, err
	}
	z.OnBlock(func(b goflate.Block) error {
		tell(goCheckpoint(b))
		return nil
	})
	return z, nil
}

func goCheckpoint(b goflate.Block) Checkpoint {
	return Checkpoint{Tar: b.Pos, Phase: int(b.Bits % 8), Length: b.Length, Offset: b.Offset}
}

func (e goEngine) pieces(r Recipe, tar io.ReaderAt) *pieces { return segments(r, tar, e.start) }

// start returns a writer that begins at from, and where its input begins.
func (e goEngine) start(w io.Writer, tar io.ReaderAt, from *Checkpoint) (segment, int64, error) {
	if from == nil {
		z, err := goflate.NewWriter(w, int(e))
		return goSegment{z}, 0, err
	}
	b := goflate.Block{Pos: from.Tar, Bits: int64(from.Phase), Length: from.Length, Offset: from.Offset}
	at := goflate.WindowAt(b)
	window, err := readWindow(tar, at, goflate.WindowBytes)
	if err != nil {
		return nil, 0, err
	}
	z, err := goflate.Resume(w, int(e), b, window)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	return goSegment{z}, at + goflate.WindowBytes, nil
}

type goSegment struct{ *goflate.Writer }

func (s goSegment) onBlock(f func(Checkpoint) error) {
	s.OnBlock(func(b goflate.Block) error { return f(goCheckpoint(b)) })
}
