package wrap

import (
	"context"
	"io"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// splitFrom is the size from which on content may be read over several
// connections: less is there before anything has been found out.
const splitFrom = 32 << 20

// Split returns src, whose large contents are read over several connections
// where one alone is slow and the line is not full. They come in order, as one
// stream, which begins like any other; only when it turns out to be slow are
// pieces of what follows asked for beside it. A src without ranges, or a server
// that does not serve them, is read as if this were not here.
func Split(src place.Source, line *Line) place.Source {
	if _, ok := place.As[place.Ranger](src); !ok {
		return src
	}
	return &split{Source: src, line: line}
}

type split struct {
	place.Source
	line    *Line
	without atomic.Bool // the server has no ranges
}

var _ place.Ranger = (*split)(nil)

func (s *split) Unwrap() place.Source { return s.Source }

func (s *split) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, d, 0, -1)
}

func (s *split) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	end := d.Size
	if length >= 0 {
		end = min(end, offset+min(length, d.Size))
	}
	if end-offset < splitFrom || s.without.Load() {
		return place.OpenRange(ctx, s.Source, d, offset, length)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &splitReader{s: s, d: d, ctx: ctx, cancel: cancel, pos: offset, end: end}
	var err error
	if r.own, err = place.OpenRange(ctx, s.Source, d, offset, length); err != nil {
		cancel()
		return nil, err
	}
	r.ownEnd = end
	s.line.join()
	return r, nil
}
