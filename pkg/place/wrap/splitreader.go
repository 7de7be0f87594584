package wrap

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

const (
	// headStart is how far ahead of its own stream a reader has the first helper
	// begin: far enough to have been answered when the stream comes there.
	headStart = 2 * segmentBytes
	// maxVain is how often that may fail before the reader goes on alone.
	maxVain = 2
)

// A splitReader reads from its own stream, and from the segments ahead when it
// comes to them. It keeps the context of the Open that made it, as Read has none.
type splitReader struct {
	s      *split
	d      v1.Descriptor
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup // the helpers

	mu       sync.Mutex // Close may come while Read waits
	pos, end int64
	own      io.ReadCloser // from pos to ownEnd; nil while there are segments
	ownEnd   int64
	segments []*segment // ahead, without gaps between
	vain     int        // first helpers that were of no use
	err      error
}

// Read returns what comes next.
func (r *splitReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.err == nil && len(p) > 0 {
		start := time.Now()
		n, err := r.next(p)
		r.s.line.wait(start)
		r.pos += int64(n)
		r.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, r.err
}

// next reads from whatever has the next byte. Nothing and no error mean: again.
func (r *splitReader) next(p []byte) (int, error) {
	r.reach()
	arrived := len(r.segments) > 0 && r.segments[0].at <= r.pos
	switch {
	case arrived && r.own != nil:
		r.changeOver()
		return 0, nil
	case arrived:
		return r.readSegment(p)
	case r.own != nil:
		return r.readOwn(p)
	case r.pos == r.end:
		return 0, io.EOF
	}
	return 0, r.reopen()
}

// reach has helpers read ahead, as many as there may be; only one until it is
// known that the server plays along.
func (r *splitReader) reach() {
	if r.vain >= maxVain || r.s.without.Load() {
		return
	}
	for r.own == nil || len(r.segments) == 0 || r.segments[0].isOpened() {
		at := r.ahead()
		if at >= r.end {
			return
		}
		buf := r.s.line.take()
		if buf == nil {
			return
		}
		ctx, stop := context.WithCancel(r.ctx)
		seg := newSegment(at, min(segmentBytes, r.end-at), buf, stop)
		r.segments = append(r.segments, seg)
		r.all.Go(func() { seg.fill(ctx, r.open, r.s.line.received) })
	}
}

// ahead is where the next segment begins.
func (r *splitReader) ahead() int64 {
	switch n := len(r.segments); {
	case n > 0:
		return r.segments[n-1].at + r.segments[n-1].size
	case r.own == nil:
		return r.pos
	case r.ownEnd < r.end:
		return r.ownEnd
	}
	return r.pos + headStart
}

// changeOver ends the own stream for the first segment, if that is any good yet:
// what has been running all the time is not given up for what may never come.
func (r *splitReader) changeOver() {
	first := r.segments[0]
	if first.isOpened() {
		_ = r.own.Close() // nothing that it could say matters: the rest of it is not wanted
		r.own = nil
		return
	}
	if first.isUnsupported() {
		r.s.without.Store(true)
	}
	r.vain++
	r.drop()
}

func (r *splitReader) readOwn(p []byte) (int, error) {
	if len(r.segments) > 0 {
		p = p[:min(int64(len(p)), r.segments[0].at-r.pos)]
	}
	n, err := r.own.Read(p)
	r.s.line.received(n)
	if errors.Is(err, io.EOF) && r.pos+int64(n) == r.ownEnd && r.ownEnd < r.end {
		err = r.own.Close()
		r.own = nil
	}
	return n, err
}

func (r *splitReader) readSegment(p []byte) (int, error) {
	n, err := r.segments[0].Read(p)
	if errors.Is(err, io.EOF) {
		r.release(r.segments[0])
		r.segments = r.segments[1:]
		err = nil
	}
	return n, err
}

// reopen opens the own stream again: to the end, or a piece if there may be helpers soon.
func (r *splitReader) reopen() (err error) {
	r.ownEnd = r.end
	if r.s.line.helps() {
		r.ownEnd = min(r.end, r.pos+headStart)
	}
	length := r.ownEnd - r.pos
	if r.ownEnd == r.d.Size {
		length = -1
	}
	r.own, err = r.open(r.ctx, r.pos, length)
	return err
}

func (r *splitReader) open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return place.OpenRange(ctx, r.s.Source, r.d, offset, length)
}

// drop gives up all segments, and waits for their helpers.
func (r *splitReader) drop() {
	for _, seg := range r.segments {
		seg.stop()
	}
	r.all.Wait()
	for _, seg := range r.segments {
		r.release(seg)
	}
	r.segments = nil
}

// release ends a segment whose helper has ended.
func (r *splitReader) release(seg *segment) {
	seg.stop()
	r.s.line.give(seg.buf)
}

var errClosed = errors.New("read after close")

// Close ends all streams. When it returns nothing runs any more.
func (r *splitReader) Close() error {
	r.cancel() // a Read that waits
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(r.err, errClosed) {
		return nil
	}
	r.err = errClosed
	r.drop()
	r.s.line.leave()
	if r.own == nil {
		return nil
	}
	return r.own.Close()
}
