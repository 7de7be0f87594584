package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// A stream is content that goes on after its connection broke.
type stream struct {
	ctx   context.Context // of Open; a Read has none of its own
	m     *remote
	d     v1.Descriptor
	label string

	next, end int64 // offsets of the next byte to return, and of the first not to
	rest      bool  // no length was asked for: a byte beyond the end is let through, to be seen
	noRanges  bool  // the server does not serve them
	etag      string
	body      io.ReadCloser // nil after a break
	fault     error         // what broke it
	tries     *wire.Tries
	err       error
}

func newStream(ctx context.Context, m *remote, d v1.Descriptor, offset, length int64) *stream {
	s := &stream{ctx: ctx, m: m, d: d, next: offset, end: d.Size, rest: length < 0, tries: m.Tries()}
	if length >= 0 {
		s.end = offset + min(length, d.Size-offset)
	}
	return s
}

// Read returns what comes next. Any error but io.EOF is the last word, after
// every try to go on.
func (s *stream) Read(p []byte) (int, error) {
	for {
		switch {
		case s.err != nil || len(p) == 0:
			return 0, s.err
		case s.part(len(p)) == 0:
			s.err = io.EOF
			continue
		case s.body == nil:
			s.err = s.told(s.goOn())
			continue
		}
		n, err := s.body.Read(p[:s.part(len(p))])
		if n > 0 {
			s.next += int64(n)
			s.tries.Progress()
		}
		if err != nil {
			s.ended(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// part is how many of the next n > 0 bytes may be returned.
func (s *stream) part(n int) int {
	left := s.end - s.next // -1 after the byte beyond the end
	if int64(n) <= left {
		return n
	}
	if s.rest {
		left++
	}
	return int(left)
}

// ended takes note that the body ended with err, io.EOF or other.
func (s *stream) ended(err error) {
	if cerr := s.body.Close(); err == io.EOF && cerr != nil {
		err = cerr
	}
	s.body = nil
	switch {
	case s.next >= s.end:
		s.err = io.EOF
	case err == io.EOF:
		s.fault = s.m.Broken(io.ErrUnexpectedEOF)
	default:
		s.fault = err
	}
}

// goOn asks for what is missing after a break.
func (s *stream) goOn() error {
	if err := s.tries.Wait(s.ctx, s.fault); err != nil {
		return err
	}
	return s.open()
}

// open asks for what comes next until there is an answer, or no hope.
func (s *stream) open() error {
	for {
		err := s.request()
		if err == nil {
			return nil
		}
		if err := s.tries.Wait(s.ctx, err); err != nil {
			return err
		}
	}
}

// Close ends the stream.
func (s *stream) Close() error {
	s.err = errClosed
	if s.body == nil {
		return nil
	}
	defer func() { s.body = nil }()
	return s.body.Close()
}

var errClosed = errors.New("read after close")

// told says what was being read, and how far that came.
func (s *stream) told(err error) error {
	if err == nil {
		return nil
	}
	if s.next == 0 {
		return fmt.Errorf("reading %s: %w", s.label, err)
	}
	return fmt.Errorf("reading %s: at byte %d of %d: %w", s.label, s.next, s.d.Size, err)
}
