package encoder

import (
	"errors"
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
		tell(checkpoint(b))
		return nil
	})
	return z, nil
}

func checkpoint(b goflate.Block) Checkpoint {
	return Checkpoint{Tar: b.Pos, Phase: int(b.Bits % 8), Length: b.Length, Offset: b.Offset}
}

func (e goEngine) pieces(r Recipe, tar io.ReaderAt) *pieces {
	if len(r.Checkpoints) == 0 {
		return nil
	}
	ends := func(i int) (from, to *Checkpoint) {
		if i > 0 {
			from = &r.Checkpoints[i-1]
		}
		if i < len(r.Checkpoints) {
			to = &r.Checkpoints[i]
		}
		return from, to
	}
	return &pieces{
		tar:   tar,
		count: len(r.Checkpoints) + 1,
		bounds: func(i int) (start, end int64, phase int) {
			end = r.Size
			from, to := ends(i)
			if from != nil {
				start, phase = from.Tar, from.Phase
			}
			if to != nil {
				end = to.Tar
			}
			return start, end, phase
		},
		make: func(w io.Writer, tar io.ReaderAt, i int) error {
			from, to := ends(i)
			return e.segment(w, tar, r.Size, from, to)
		},
	}
}

var errReached = errors.New("the next checkpoint is reached")

// segment writes what lies between two checkpoints; from or to is nil for the
// beginning or the end of the tar. A last byte that is not full has zero bits.
func (e goEngine) segment(w io.Writer, tar io.ReaderAt, size int64, from, to *Checkpoint) error {
	z, at, err := e.start(w, tar, from)
	if err != nil {
		return err
	}
	if to != nil {
		z.OnBlock(func(b goflate.Block) error {
			switch {
			case b.Pos < to.Tar:
				return nil
			case checkpoint(b) == *to:
				return errReached
			}
			return fmt.Errorf("%w: no checkpoint is at byte %d", ErrRecipe, to.Tar)
		})
	}
	_, err = io.Copy(z, io.NewSectionReader(tar, at, size-at))
	if err == nil {
		err = z.Close()
	}
	switch {
	case to == nil:
		return err
	case errors.Is(err, errReached):
		return z.Rest()
	case err == nil:
		return fmt.Errorf("%w: no checkpoint is at byte %d", ErrRecipe, to.Tar)
	}
	return err
}

// start returns a writer that begins at from, and where its input begins.
func (e goEngine) start(w io.Writer, tar io.ReaderAt, from *Checkpoint) (*goflate.Writer, int64, error) {
	if from == nil {
		z, err := goflate.NewWriter(w, int(e))
		return z, 0, err
	}
	b := goflate.Block{Pos: from.Tar, Bits: int64(from.Phase), Length: from.Length, Offset: from.Offset}
	at := goflate.WindowAt(b)
	window := make([]byte, goflate.WindowBytes)
	if _, err := tar.ReadAt(window, at); err != nil {
		return nil, 0, fmt.Errorf("reading the tar: %w", noEOF(err))
	}
	z, err := goflate.Resume(w, int(e), b, window)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	return z, at + goflate.WindowBytes, nil
}

// noEOF keeps a tar that ends too soon from passing for a clean end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
