package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Filer opens content by its digest alone, the way a file is opened: it says
// the size itself, and can be read from any offset. Whoever serves content to
// others wants that, since they ask for digests and say no sizes.
type Filer interface {
	// OpenFile opens the content with digest h, unverified; manifests and other
	// content are opened alike. It returns ErrNotFound if it is not there.
	OpenFile(ctx context.Context, h v1.Hash) (File, error)
}

// A File is open content, read from its start. Whoever opened it closes it. It is
// not safe for concurrent use.
type File interface {
	io.ReadSeekCloser
	Size() int64 // in bytes
}

// NewFile returns size bytes of f from offset on. Closing it closes f, which is
// nobody else's. What an [io.LimitedReader] takes of it goes into a socket by
// sendfile, where the system has that, and so through no memory of ours.
func NewFile(f *os.File, offset, size int64) (File, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if offset < 0 || size < 0 || offset > fi.Size()-size {
		return nil, fmt.Errorf("%s: it ends before byte %d: %w", f.Name(), offset+size, io.ErrUnexpectedEOF)
	}
	s := &section{f: f, start: offset, size: size}
	_, err = s.Seek(0, io.SeekStart)
	return s, err
}

// A section is a part of a file. Its position is that of the file, which sendfile
// moves too. It hides the other methods of [os.File], which know no bounds.
type section struct {
	f           *os.File
	start, size int64
}

var (
	_ File         = (*section)(nil)
	_ syscall.Conn = (*section)(nil) // package net looks for it
)

func (s *section) Size() int64  { return s.size }
func (s *section) Close() error { return s.f.Close() }

func (s *section) SyscallConn() (syscall.RawConn, error) { return s.f.SyscallConn() }

func (s *section) Read(p []byte) (int, error) {
	at, err := s.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	left := s.start + s.size - at
	if left <= 0 {
		return 0, io.EOF
	}
	return s.f.Read(p[:min(int64(len(p)), left)])
}

func (s *section) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		offset += s.start
	case io.SeekEnd:
		offset += s.start + s.size
	case io.SeekCurrent:
		at, err := s.f.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		offset += at
	}
	if offset < s.start {
		return 0, errors.New("seeking before the start")
	}
	at, err := s.f.Seek(offset, io.SeekStart)
	return at - s.start, err
}

// FileAt returns size bytes of r from offset on. Closing it does nothing.
func FileAt(r io.ReaderAt, offset, size int64) File {
	return unclosed{io.NewSectionReader(r, offset, size)}
}

type unclosed struct{ *io.SectionReader }

func (unclosed) Close() error { return nil }
