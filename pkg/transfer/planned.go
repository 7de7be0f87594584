package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// planned copies b to a sink that wants to know everything before. A tree that
// fails on the way is taken out of the plan, if that is asked for.
func (c *copier) planned(ctx context.Context, b batch, planner place.Planner) error {
	var failed []error
	for {
		wanted, err := planner.Plan(ctx, b.forSink(c.o))
		if errors.Is(err, place.ErrUnsupported) && failed != nil {
			err = fmt.Errorf("what is written already cannot do without it: %w", failed[0])
		}
		if err != nil {
			return err
		}
		nodes := b.nodes()
		if failed == nil {
			tellRest(nodes, wanted, c.o.Events)
		}
		if failed, err = c.all(ctx, b, only(nodes, wanted)); err != nil {
			return err
		}
		if len(failed) == 0 {
			break
		}
		if b = b.live(); len(b.trees) == 0 {
			return nil
		}
	}
	for _, t := range c.plan.trees {
		if t.req.Essential && t.err != nil {
			return fmt.Errorf("%s, without which nothing is written: %w", t.req.Name, t.err)
		}
	}
	for _, t := range b.trees {
		if err := c.commit(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// live is b without the trees that have failed.
func (b batch) live() batch {
	out := batch{to: b.to}
	for _, t := range b.trees {
		if t.err == nil {
			out.trees = append(out.trees, t)
		}
	}
	return out
}

// all puts every node: what is named before what names it, and otherwise as many
// at once as the sink and the options allow. With KeepGoing the trees that need a
// node that cannot be had fail, and failed says why; else that is the error.
func (c *copier) all(ctx context.Context, b batch, nodes []node) (failed []error, err error) {
	levels, stream := byLevel(nodes), b.to.Traits().Puts == 1
	if stream {
		levels = [][]node{nodes}
	}
	f := faults{wants: b.wants(), events: c.o.Events}
	for _, level := range levels {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(c.limit(b.to))
		for _, n := range level {
			if gctx.Err() != nil {
				break
			}
			g.Go(func() error {
				if f.isMoot(n) || stream && f.any() { // a stream cannot pass over anything
					return nil
				}
				err := c.slotted(gctx, n.d.Size, func() error { return c.one(gctx, b.to, n) })
				if err != nil && c.o.KeepGoing && gctx.Err() == nil {
					f.add(n, err)
					return nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
	}
	return f.errs, context.Cause(ctx)
}

// faults are what went wrong with some trees of a batch while others go on.
type faults struct {
	mu     sync.Mutex
	events event.Handler
	wants  map[v1.Hash][]*tree
	errs   []error
}

// wants returns which trees need what.
func (b batch) wants() map[v1.Hash][]*tree {
	wants := map[v1.Hash][]*tree{}
	for _, t := range b.trees {
		for _, n := range t.nodes {
			wants[n.d.Digest] = append(wants[n.d.Digest], t)
		}
	}
	return wants
}

// isMoot reports whether only trees that have failed need n.
func (f *faults) isMoot(n node) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.wants[n.d.Digest] {
		if t.err == nil {
			return false
		}
	}
	return true
}

func (f *faults) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.errs) > 0
}

func (f *faults) add(n node, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
	for _, t := range f.wants[n.d.Digest] {
		if t.err == nil {
			t.fail(err, f.events)
		}
	}
}

// tellRest reports what a planner did not want: documents it has taken already
// from the plan, and content that it has.
func tellRest(nodes []node, wanted []v1.Descriptor, events event.Handler) {
	put := make(map[v1.Hash]bool, len(wanted))
	for _, d := range wanted {
		put[d.Digest] = true
	}
	for _, n := range nodes {
		switch {
		case put[n.d.Digest]:
		case n.raw == nil || len(wanted) == 0:
			events.Emit(event.Event{Kind: event.Skip, Blob: n.d, Text: "present"})
		default:
			events.Emit(event.Event{Kind: event.Start, Blob: n.d})
			events.Emit(event.Event{Kind: event.Bytes, Blob: n.d, N: n.d.Size})
			events.Emit(event.Event{Kind: event.Done, Blob: n.d})
		}
	}
}
