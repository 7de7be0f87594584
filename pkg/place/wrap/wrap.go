// Package wrap holds what can be put around any source: a shared rate limit, and
// a place nearby that is asked first. Each wrapper passes everything else on.
package wrap

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/time/rate"

	"github.com/dray-oci/dray/pkg/place"
)

// limitBurst is how many bytes may pass at once: a few network reads.
const limitBurst = 64 << 10

// NewLimiter returns a limiter of bytesPerSecond for any number of sources
// together; 0 or less means no limit and returns nil.
func NewLimiter(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), limitBurst)
}

// Limit returns src, whose readers together deliver no faster than l allows; a
// nil l allows everything.
func Limit(src place.Source, l *rate.Limiter) place.Source {
	if l == nil {
		return src
	}
	return &limited{src, l}
}

type limited struct {
	place.Source
	limiter *rate.Limiter
}

var (
	_ place.Ranger = (*limited)(nil)
	_ place.Filer  = (*limited)(nil)
)

func (s *limited) Unwrap() place.Source { return s.Source }

func (s *limited) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	rc, err := s.Source.Open(ctx, d)
	return s.reader(ctx, rc), err
}

func (s *limited) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	rc, err := place.OpenRange(ctx, s.Source, d, offset, length)
	return s.reader(ctx, rc), err
}

// OpenFile returns place.ErrUnsupported where what it wraps is no place.Filer.
func (s *limited) OpenFile(ctx context.Context, h v1.Hash) (place.File, error) {
	files, ok := place.As[place.Filer](s.Source)
	if !ok {
		return nil, fmt.Errorf("opening %s: %w", h, place.ErrUnsupported)
	}
	f, err := files.OpenFile(ctx, h)
	if err != nil {
		return nil, err
	}
	return &limitedFile{f, s.reader(ctx, f)}, nil
}

// A limitedFile reads through a limitedReader.
type limitedFile struct {
	place.File
	r io.Reader
}

func (f *limitedFile) Read(p []byte) (int, error) { return f.r.Read(p) }

func (s *limited) reader(ctx context.Context, rc io.ReadCloser) io.ReadCloser {
	if rc == nil {
		return nil
	}
	return &limitedReader{ReadCloser: rc, ctx: ctx, limiter: s.limiter}
}

// A limitedReader keeps the context of the Open that made it, as Read has none.
type limitedReader struct {
	io.ReadCloser
	ctx     context.Context
	limiter *rate.Limiter
}

func (r *limitedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p[:min(len(p), limitBurst)])
	if werr := r.limiter.WaitN(r.ctx, n); werr != nil && err == nil {
		err = werr
	}
	return n, err
}

// Near is what [Cache] takes content from.
type Near interface {
	place.Source
	// Has reports whether d is there, and right.
	Has(ctx context.Context, d v1.Descriptor) (bool, error)
}

// Cache returns src, whose content is taken from near where near has it. Closing
// closes both.
func Cache(src place.Source, near Near) place.Source { return &cached{src, near} }

type cached struct {
	place.Source
	near Near
}

var _ place.Ranger = (*cached)(nil)

func (s *cached) Unwrap() place.Source { return s.Source }

func (s *cached) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, d, 0, -1)
}

func (s *cached) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if has, err := s.near.Has(ctx, d); err == nil && has {
		if rc, err := place.OpenRange(ctx, s.near, d, offset, length); err == nil {
			return rc, nil
		}
	}
	return place.OpenRange(ctx, s.Source, d, offset, length)
}

func (s *cached) Close() error { return errors.Join(s.near.Close(), s.Source.Close()) }
