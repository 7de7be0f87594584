package encoder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

var (
	errDiffers = errors.New("other bytes come out")
	errEnough  = errors.New("all that was to be compared is the same")
)

// A matcher compares what is written with what is wanted: the first wrong byte
// is errDiffers.
type matcher struct {
	want   io.Reader
	partly bool // the end of want is errEnough
	buf    []byte
}

func (m *matcher) Write(p []byte) (int, error) {
	if len(m.buf) < len(p) {
		m.buf = make([]byte, len(p))
	}
	n, err := io.ReadFull(m.want, m.buf[:len(p)])
	switch {
	case !bytes.Equal(p[:n], m.buf[:n]):
		return 0, errDiffers
	case err == nil:
		return len(p), nil
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return 0, fmt.Errorf("reading the blob: %w", err)
	case m.partly:
		return 0, errEnough
	}
	return 0, errDiffers
}

// ended returns nil if nothing more is wanted.
func (m *matcher) ended() error {
	switch _, err := io.ReadFull(m.want, make([]byte, 1)); {
	case err == nil:
		return errDiffers
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("reading the blob: %w", err)
	}
}

// source keeps the error that it gave, other than io.EOF.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

const copyBytes = 256 << 10

// copyAll copies until io.EOF, and stops between two reads when ctx ends.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) error {
	buf := make([]byte, copyBytes)
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
