package delta

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dray-oci/dray/pkg/internal/disk"
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

// A SpaceError says that a disk has too little room, before it is full.
type SpaceError struct {
	Dir  string // where temporary files go
	Need int64  // bytes
	Free int64  // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("it takes %d bytes in %s while it works, and there are %d free", e.Need, e.Dir, e.Free)
}

// Hint says what to do.
func (e *SpaceError) Hint() string {
	return "make room on that disk, or name a folder on another one with --tmpdir"
}

// reserve fails if there is no room for need bytes more.
func (s *spool) reserve(need int64) error {
	dir := filepath.Dir(s.Name())
	if free, ok := disk.Free(dir); ok && need > free {
		return &SpaceError{Dir: dir, Need: need, Free: free}
	}
	return nil
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
