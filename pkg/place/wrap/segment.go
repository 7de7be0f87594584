package wrap

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/dray-oci/dray/pkg/place"
)

// A segment is a piece of content that a helper reads ahead, in a goroutine of
// its own. What it has so far can be read at once.
type segment struct {
	at, size int64
	buf      []byte
	stop     context.CancelFunc // ends the helper

	mu     sync.Mutex
	moved  sync.Cond // something below has changed
	opened bool
	n      int64 // bytes that are there
	ended  bool
	err    error // why there are not more

	read int64
}

func newSegment(at, size int64, buf []byte, stop context.CancelFunc) *segment {
	s := &segment{at: at, size: size, buf: buf, stop: stop}
	s.moved.L = &s.mu
	return s
}

// fill reads the segment through open, and tells received of every byte. When
// ctx ends it returns as soon as what open opened does.
func (s *segment) fill(ctx context.Context, open func(context.Context, int64, int64) (io.ReadCloser, error), received func(int)) {
	rc, err := open(ctx, s.at, s.size)
	if err == nil {
		s.advance(0)
		for err == nil && s.n < s.size {
			var n int
			n, err = rc.Read(s.buf[s.n:s.size])
			received(n)
			s.advance(n)
		}
		err = errors.Join(s.whole(err), rc.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.ended = err, true
	s.moved.Broadcast()
}

// whole returns nil if the segment is complete, whatever err its reader ended with.
func (s *segment) whole(err error) error {
	switch {
	case s.n == s.size:
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *segment) advance(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = true
	s.n += int64(n)
	s.moved.Broadcast()
}

// isOpened reports whether the source had the segment to give.
func (s *segment) isOpened() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// isUnsupported reports whether the source does not give pieces.
func (s *segment) isUnsupported() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Is(s.err, place.ErrUnsupported)
}

// Read waits until there is something, and returns io.EOF after all of it.
func (s *segment) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.read == s.n && !s.ended {
		s.moved.Wait()
	}
	if s.read == s.n {
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	n := copy(p, s.buf[s.read:s.n])
	s.read += int64(n)
	return n, nil
}
