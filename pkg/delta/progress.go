package delta

import (
	"context"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
)

// What it costs to encode a byte of a blob, and to find its encoder by reading it
// twice and encoding it, where reading it costs 1; about.
const (
	encodeWork = 4
	findWork   = encodeWork + 2
)

// A progress tells how far a recipe is made or followed, as bytes of the layer, all
// of which stand for all the work. That is counted in bytes that are read, by stages:
// what a stage takes less than was thought is made up for when the next begins. It is
// safe for concurrent use; nil tells nobody.
type progress struct {
	events event.Handler
	event  event.Event
	work   int64 // of all stages

	mu   sync.Mutex
	done int64
	end  int64 // of the stage
}

// newProgress returns a progress of what text says is done to d.
func newProgress(events event.Handler, text string, d v1.Descriptor) *progress {
	if events == nil {
		return nil
	}
	return &progress{events: events, event: event.Event{Kind: event.Work, Text: text, Blob: d, Total: d.Size}}
}

// expect says how much work there is in all, once.
func (p *progress) expect(work int64) {
	if p != nil && p.work == 0 {
		p.work = max(work, 1)
	}
}

// more says that there is so much more work than was expected.
func (p *progress) more(work int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work = max(p.work+work, p.end)
}

// stage ends the stage before and begins one of that much work.
func (p *progress) stage(work int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = p.end
	p.end = min(p.end+work, p.work)
	p.tell()
}

// add says that n of the work of the stage are done.
func (p *progress) add(n int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = min(p.done+n, p.end)
	p.tell()
}

// close says that nothing more is done, because all is or because it failed.
func (p *progress) close() {
	if p != nil {
		p.event.N = p.event.Total
		p.events.Emit(p.event)
	}
}

// tell tells what is worth drawing. All is only told by close.
func (p *progress) tell() {
	const steps = 1000
	total := p.event.Total
	n := min(int64(float64(total)*float64(p.done)/float64(p.work)), total-1)
	if n-p.event.N > total/steps {
		p.event.N = n
		p.events.Emit(p.event)
	}
}

// counter counts what is read as work, so much for each byte, and stops when ctx ends.
type counter struct {
	ctx context.Context // of the one call that the reader lives in
	r   io.Reader
	p   *progress
	per float64
}

func (c *counter) Read(b []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.p.add(int64(float64(n) * c.per))
	return n, err
}

// counted counts what is read through open.
func (p *progress) counted(open blob.Opener, per float64) blob.Opener {
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		rc, err := open(ctx, offset, length)
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{&counter{ctx, rc, p, per}, rc}, nil
	}
}

// counterAt is counter for what is read at offsets.
type counterAt struct {
	r   io.ReaderAt
	p   *progress
	per float64
}

func (c *counterAt) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(b, at)
	c.p.add(int64(float64(n) * c.per))
	return n, err
}
