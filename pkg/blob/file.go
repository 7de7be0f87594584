package blob

import (
	"context"
	"errors"
	"io"
	"os"
)

// InFile is implemented by readers whose bytes lie in a file: the system can then
// move them to a socket, or share them with another file, without their passing
// through this process. A reader around such a one implements it too if it only
// counts what passes, and hides it if it looks at the bytes.
type InFile interface {
	io.Reader
	// File returns the file, whose position is at the next byte, and how many bytes
	// from there on are left to be read; nil if they do not lie in a file after all.
	// Who moves the position says so.
	File() (f *os.File, left int64)
	// Moved counts n bytes from the position on as read.
	Moved(n int64)
}

// FileOf returns what File of r returns, or nil if it has none.
func FileOf(r io.Reader) (f *os.File, left int64) {
	if in, ok := r.(InFile); ok {
		return in.File()
	}
	return nil, 0
}

// Moved tells r, of which FileOf has returned a file, that n bytes were taken from that.
func Moved(r io.Reader, n int64) {
	if in, ok := r.(InFile); ok {
		in.Moved(n)
	}
}

// File returns an Opener of the file at path.
func File(path string) Opener {
	return func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		r, err := Section(f, offset, length)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return r, nil
	}
}

// Section returns length bytes of f from offset on, or all the rest if length
// is negative. It takes f over, with its position, and closing it closes f; after
// an error f is still the caller's. It implements [InFile].
func Section(f *os.File, offset, length int64) (io.ReadCloser, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > fi.Size() {
		return nil, ErrOffset
	}
	if rest := fi.Size() - offset; length < 0 || length > rest {
		length = rest
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	return &section{f, length}, nil
}

type section struct {
	f    *os.File
	left int64
}

var _ InFile = (*section)(nil)

func (s *section) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.f.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

func (s *section) File() (*os.File, int64) { return s.f, s.left }

func (s *section) Moved(n int64) { s.left -= n }

func (s *section) Close() error { return s.f.Close() }
