package encoder

import (
	"errors"
	"fmt"
	"io"
)

// A segment is a writer of what lies between two checkpoints.
type segment interface {
	io.WriteCloser
	// onBlock has f called at every border between blocks. Its error ends the writing:
	// Write or Close returns it.
	onBlock(f func(Checkpoint) error)
	// Rest writes what was held back then. A last byte that is not full has zero bits.
	Rest() error
}

// A starter returns a writer that begins at from, nil for the beginning of the tar,
// and where its input begins.
type starter func(w io.Writer, tar io.ReaderAt, from *Checkpoint) (segment, int64, error)

// segments are what lies between the checkpoints of r; nil if it has none.
func segments(r Recipe, tar io.ReaderAt, start starter) *pieces {
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
		bounds: func(i int) (begin, end int64, phase int) {
			end = r.Size
			from, to := ends(i)
			if from != nil {
				begin, phase = from.Tar, from.Phase
			}
			if to != nil {
				end = to.Tar
			}
			return begin, end, phase
		},
		make: func(w io.Writer, tar io.ReaderAt, i int) error {
			from, to := ends(i)
			z, at, err := start(w, tar, from)
			if err != nil {
				return err
			}
			return write(z, io.NewSectionReader(tar, at, r.Size-at), to)
		},
	}
}

var errReached = errors.New("the next checkpoint is reached")

// write gives tar to z until the checkpoint to, or until the end if that is nil.
func write(z segment, tar io.Reader, to *Checkpoint) error {
	if to != nil {
		z.onBlock(func(c Checkpoint) error {
			switch {
			case c.Tar < to.Tar:
				return nil
			case c == *to:
				return errReached
			}
			return fmt.Errorf("%w: no checkpoint is at byte %d", ErrRecipe, to.Tar)
		})
	}
	_, err := io.Copy(z, tar)
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

// readWindow reads n bytes of a tar.
func readWindow(tar io.ReaderAt, at int64, n int) ([]byte, error) {
	window := make([]byte, n)
	if _, err := tar.ReadAt(window, at); err != nil {
		return nil, fmt.Errorf("reading the tar: %w", noEOF(err))
	}
	return window, nil
}

// noEOF keeps a tar that ends too soon from passing for a clean end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
