package transfer

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A copier moves what a plan holds.
type copier struct {
	plan   *plan
	o      Options
	slots  chan struct{}           // one is held by every blob on its way
	large  chan struct{}           // and one of these too by those that are not small
	shared map[v1.Hash]*sharedBlob // what several trees hold
}

func newCopier(p *plan, o Options) *copier {
	c := &copier{plan: p, o: o, shared: map[v1.Hash]*sharedBlob{}}
	limit, seen := o.Requests(), map[v1.Hash]bool{}
	for _, b := range p.batches() {
		limit = min(limit, c.limit(b.to))
		for _, t := range b.trees {
			for _, n := range t.nodes {
				if seen[n.d.Digest] && c.shared[n.d.Digest] == nil {
					c.shared[n.d.Digest] = newSharedBlob()
				}
				seen[n.d.Digest] = true
			}
		}
	}
	c.slots, c.large = make(chan struct{}, limit), make(chan struct{}, o.jobs())
	return c
}

// limit is how many blobs to may get at once, most of them small.
func (c *copier) limit(to place.Sink) int {
	if puts := to.Traits().Puts; puts > 0 {
		return min(puts, c.o.Requests())
	}
	return c.o.Requests()
}

// slotted runs f, which moves a blob of so many bytes, when there is room for it.
func (c *copier) slotted(ctx context.Context, size int64, f func() error) error {
	slots := []chan struct{}{c.slots}
	if size > smallBytes {
		slots = []chan struct{}{c.large, c.slots} // who waits for the first is in nobody's way
	}
	for _, s := range slots {
		select {
		case s <- struct{}{}:
			defer func() { <-s }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return f()
}

// run copies everything; see [Copy].
func (c *copier) run(ctx context.Context) error {
	var plain []*tree
	for _, b := range c.plan.batches() {
		if _, ok := place.As[place.Planner](b.to); !ok {
			plain = append(plain, b.trees...)
		}
	}
	if err := c.each(ctx, plain); err != nil {
		return err
	}
	for _, b := range c.plan.batches() {
		if planner, ok := place.As[place.Planner](b.to); ok {
			if err := c.planned(ctx, b, planner); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// one brings n to a sink by the cheapest way there is.
func (c *copier) one(ctx context.Context, to place.Sink, n node, elsewhere ...place.Sink) error {
	if how := c.plan.there[to][n.d.Digest]; how != "" {
		c.skip(n.d, how)
		return nil
	}
	if has, err := to.Has(ctx, n.d); err != nil {
		return fmt.Errorf("looking for %s: %w", n.d.Digest, err)
	} else if has {
		c.skip(n.d, "present")
		return nil
	}
	if m, from := mountFrom(ctx, to, n, elsewhere); from != nil {
		if mounted, err := m.Mount(ctx, n.d, from); err != nil {
			return fmt.Errorf("mounting %s: %w", n.d.Digest, err)
		} else if mounted {
			c.skip(n.d, "mounted")
			return nil
		}
	}
	c.o.Events.Emit(event.Event{Kind: event.Start, Blob: n.d})
	var err error
	for i, src := range n.srcs {
		if err = to.Put(ctx, n.d, c.opener(n, src)); err == nil || ctx.Err() != nil {
			break
		}
		if i == len(n.srcs)-1 {
			err = place.Explain(ctx, src, n.d, err)
		}
	}
	if err != nil {
		err = fmt.Errorf("copying %s: %w", n.d.Digest, err)
		if n.kin.Digest.Hex != "" {
			err = newReferrerError(n.kin, err)
		}
		return err
	}
	c.o.Events.Emit(event.Event{Kind: event.Done, Blob: n.d})
	return nil
}

// mountFrom returns where to can take n over from: a source of it, or one of the
// sinks that it was brought to before. Nil means that there is no such place.
func mountFrom(ctx context.Context, to place.Sink, n node, elsewhere []place.Sink) (place.Mounter, place.Source) {
	m, ok := place.As[place.Mounter](to)
	if !ok || manifest.Is(n.d.MediaType) {
		return nil, nil
	}
	froms := slices.Clone(n.srcs)
	for _, s := range elsewhere {
		if from, ok := place.As[place.Source](s); ok {
			froms = append(froms, from)
		}
	}
	for _, from := range froms {
		if m.Mountable(ctx, n.d, from) {
			return m, from
		}
	}
	return nil, nil
}

func (c *copier) skip(d v1.Descriptor, why string) {
	c.o.Events.Emit(event.Event{Kind: event.Skip, Blob: d, Text: why})
}

// opener opens n at src and counts what is read of it.
func (c *copier) opener(n node, src place.Source) blob.Opener {
	open := n.opener(src)
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		rc, err := open(ctx, offset, length)
		if err != nil {
			return nil, err
		}
		return &counter{ReadCloser: rc, d: n.d, events: c.o.Events}, nil
	}
}

// A counter reports what is read through it.
type counter struct {
	io.ReadCloser
	d      v1.Descriptor
	events event.Handler
}

var _ blob.InFile = (*counter)(nil)

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.count(int64(n))
	return n, err
}

func (c *counter) count(n int64) {
	if n > 0 {
		c.events.Emit(event.Event{Kind: event.Bytes, Blob: c.d, N: n})
	}
}

func (c *counter) File() (*os.File, int64) { return blob.FileOf(c.ReadCloser) }

func (c *counter) Moved(n int64) {
	blob.Moved(c.ReadCloser, n)
	c.count(n)
}
