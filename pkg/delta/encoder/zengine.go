package encoder

import (
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/delta/encoder/internal/zdeflate"
)

// Families of zlib and its kin, whose levels are 1 to 9.
const (
	zlibFamily = "zlib"
	gnuFamily  = "gzip"
	pigzFamily = "pigz"
)

// A zEngine makes one stream.
type zEngine struct {
	variant zdeflate.Variant
	level   int
}

var _ teller = zEngine{}

func (e zEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	return zdeflate.NewWriter(w, e.variant, e.level)
}

func (e zEngine) newTeller(w io.Writer, tell func(Checkpoint)) (io.WriteCloser, error) {
	z, err := zdeflate.NewWriter(w, e.variant, e.level)
	if err != nil {
		return nil, err
	}
	z.OnBlock(func(b zdeflate.Block) error {
		tell(zCheckpoint(b))
		return nil
	})
	return z, nil
}

func zCheckpoint(b zdeflate.Block) Checkpoint {
	return Checkpoint{Tar: b.Pos, Phase: b.Phase, Length: b.Length, Offset: b.Offset}
}

func (e zEngine) pieces(r Recipe, tar io.ReaderAt) *pieces { return segments(r, tar, e.start) }

func (e zEngine) start(w io.Writer, tar io.ReaderAt, from *Checkpoint) (segment, int64, error) {
	if from == nil {
		z, err := zdeflate.NewWriter(w, e.variant, e.level)
		return zSegment{z}, 0, err
	}
	b := zdeflate.Block{Pos: from.Tar, Phase: from.Phase, Length: from.Length, Offset: from.Offset}
	at := zdeflate.WindowAt(b)
	window, err := readWindow(tar, at, zdeflate.WindowBytes)
	if err != nil {
		return nil, 0, err
	}
	z, err := zdeflate.Resume(w, e.variant, e.level, b, window)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	return zSegment{z}, at + zdeflate.WindowBytes, nil
}

type zSegment struct{ *zdeflate.Writer }

func (s zSegment) onBlock(f func(Checkpoint) error) {
	s.OnBlock(func(b zdeflate.Block) error { return f(zCheckpoint(b)) })
}

// A pigzEngine makes blocks as pigz does: each but the last ends at a byte, and
// sees the 32 KiB before it.
type pigzEngine int

// pigzBlockBytes is pigz's default, and all that is known here.
const pigzBlockBytes = 128 << 10

var _ splitter = pigzEngine(0)

func (e pigzEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	z, err := zdeflate.NewWriter(w, zdeflate.Zlib, int(e))
	if err != nil {
		return nil, err
	}
	return &pigzWriter{engine: e, z: z, out: w, left: pigzBlockBytes}, nil
}

type pigzWriter struct {
	engine pigzEngine
	z      *zdeflate.Writer
	out    io.Writer
	left   int
	tail   []byte
}

func (z *pigzWriter) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		if z.left == 0 { // and more comes, so it was not the last
			if err := z.next(); err != nil {
				return all - len(p), err
			}
		}
		n := min(len(p), z.left)
		if _, err := z.z.Write(p[:n]); err != nil {
			return all - len(p), err
		}
		z.tail = append(z.tail, p[max(0, n-zdeflate.DictBytes):n]...)
		z.tail = append(z.tail[:0], z.tail[max(0, len(z.tail)-zdeflate.DictBytes):]...)
		p, z.left = p[n:], z.left-n
	}
	return all, nil
}

func (z *pigzWriter) next() error {
	if err := z.z.EndBlock(); err != nil {
		return err
	}
	z.z.Reset(z.out)
	z.z.SetDictionary(z.tail)
	z.left = pigzBlockBytes
	return nil
}

func (z *pigzWriter) Close() error { return z.z.Close() }

func (e pigzEngine) pieces(r Recipe, tar io.ReaderAt) *pieces {
	last := max(0, int((r.Size-1)/pigzBlockBytes))
	return &pieces{
		tar:   tar,
		count: last + 1,
		bounds: func(i int) (from, to int64, phase int) {
			from = int64(i) * pigzBlockBytes
			return from, min(from+pigzBlockBytes, r.Size), 0
		},
		make: func(w io.Writer, tar io.ReaderAt, i int) error {
			from := int64(i) * pigzBlockBytes
			z, err := e.one(w, tar, from, min(from+pigzBlockBytes, r.Size))
			if err != nil {
				return err
			}
			if i == last {
				return z.Close()
			}
			return z.EndBlock()
		},
	}
}

// one takes in the block between two offsets of a tar.
func (e pigzEngine) one(w io.Writer, tar io.ReaderAt, from, to int64) (*zdeflate.Writer, error) {
	z, err := zdeflate.NewWriter(w, zdeflate.Zlib, int(e))
	if err != nil {
		return nil, err
	}
	dict := make([]byte, min(from, zdeflate.DictBytes))
	if _, err := tar.ReadAt(dict, from-int64(len(dict))); err != nil && len(dict) > 0 {
		return nil, fmt.Errorf("reading the tar: %w", noEOF(err))
	}
	z.SetDictionary(dict)
	_, err = io.Copy(z, io.NewSectionReader(tar, from, to-from))
	return z, err
}
