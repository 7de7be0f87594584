package delta

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A spool is a file without a name that lives as long as one call.
type spool struct {
	*os.File
	n int64 // bytes appended
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "dray-delta-*")
	if err != nil {
		return nil, fmt.Errorf("unpacking to a temporary file: %w", err)
	}
	// Where the system allows it the name goes now, so that a killed run leaves nothing.
	_ = os.Remove(f.Name())
	return &spool{File: f}, nil
}

// Write appends p.
func (s *spool) Write(p []byte) (int, error) {
	n, err := s.WriteAt(p, s.n)
	s.n += int64(n)
	return n, err
}

// Close gives the space back.
func (s *spool) Close() error {
	err := s.File.Close()
	if rerr := os.Remove(s.Name()); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}

// readFull reads len(p) bytes of r at offset.
func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
