package encoder

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// NewWriter returns a writer that takes the plain tar and writes the blob to w.
// Close ends the blob and does not close w; it is an error if the tar had not
// r.Size bytes. After an error the writer is of no use. An error of w is returned
// as it is, so a w that refuses more than the blob's size bounds what is made.
func (r Recipe) NewWriter(w io.Writer) (io.WriteCloser, error) {
	z, err := r.newWriter(w, nil)
	if err != nil {
		return nil, err
	}
	return &sized{z, r.Size, r.Size}, nil
}

// newWriter is NewWriter for a tar of any size; tell, if not nil, is called at
// every place that could be a checkpoint.
func (r Recipe) newWriter(w io.Writer, tell func(Checkpoint)) (*writer, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	z := &writer{out: w, wrap: r.Wrap}
	if r.Wrap == Plain {
		z.body = nopCloser{w}
		return z, nil
	}
	e, err := engineOf(r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(r.Header); err != nil {
		return nil, err
	}
	if t, ok := e.(teller); ok && tell != nil {
		z.body, err = t.newTeller(w, tell)
	} else {
		z.body, err = e.newWriter(w)
	}
	return z, err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// sized holds a tar to its size.
type sized struct {
	*writer
	size, left int64
}

func (s *sized) Write(p []byte) (int, error) {
	if int64(len(p)) > s.left {
		return 0, fmt.Errorf("%w: the tar has more than %d bytes", ErrRecipe, s.size)
	}
	s.left -= int64(len(p))
	return s.writer.Write(p)
}

func (s *sized) Close() error {
	if s.left != 0 {
		return fmt.Errorf("%w: the tar has %d bytes, not %d", ErrRecipe, s.size-s.left, s.size)
	}
	return s.writer.Close()
}

// writer puts header and trailer around what an engine makes.
type writer struct {
	out  io.Writer
	body io.WriteCloser
	wrap Wrap
	sum  uint32
	n    int64 // bytes of tar
}

func (z *writer) Write(p []byte) (int, error) {
	if z.wrap == Gzip {
		z.sum = crc32.Update(z.sum, crc32.IEEETable, p)
	}
	z.n += int64(len(p))
	return z.body.Write(p)
}

func (z *writer) Close() error {
	if err := z.body.Close(); err != nil {
		return err
	}
	if z.wrap != Gzip {
		return nil
	}
	_, err := z.out.Write(gzipTrailer(z.sum, z.n))
	return err
}

func gzipTrailer(sum uint32, size int64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, sum)
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}
