package transfer

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// each copies trees to sinks that plan nothing, some at a time, and commits them
// in their order. With KeepGoing a tree that fails holds up no other.
func (c *copier) each(ctx context.Context, trees []*tree) error {
	g, gctx := errgroup.WithContext(ctx)
	window, arrived := make(chan struct{}, c.o.Requests()), make([]chan error, len(trees))
	for i := range arrived {
		arrived[i] = make(chan error, 1)
	}
	g.Go(func() error { return c.commitEach(gctx, trees, arrived) })
	for i, t := range trees {
		select {
		case window <- struct{}{}:
		case <-gctx.Done():
			return g.Wait()
		}
		g.Go(func() error {
			err := c.tree(gctx, t, t.nodes)
			if err == nil {
				err = c.followers(gctx, t)
			}
			<-window
			if err != nil && (!c.o.KeepGoing || gctx.Err() != nil) {
				return err
			}
			arrived[i] <- err
			return nil
		})
	}
	return g.Wait()
}

// followers puts what belongs to t, if that was not part of it from the start.
func (c *copier) followers(ctx context.Context, t *tree) error {
	before := len(t.nodes)
	if err := t.attach(ctx); err != nil {
		return err
	}
	e := event.Event{Kind: event.Plan}
	for _, n := range t.nodes[before:] {
		e.Count++
		e.Total += n.d.Size
	}
	if e.Count == 0 {
		return nil
	}
	c.o.Events.Emit(e)
	return c.tree(ctx, t, t.nodes[before:])
}

// tree puts nodes of t.
func (c *copier) tree(ctx context.Context, t *tree, nodes []node) error {
	for _, level := range byLevel(nodes) {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(c.o.Requests())
		for _, n := range level {
			if gctx.Err() != nil {
				break
			}
			g.Go(func() error { return c.share(gctx, t.req.To, n) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// share brings n to a sink, unless it was brought there for another tree.
func (c *copier) share(ctx context.Context, to place.Sink, n node) error {
	s := c.shared[n.d.Digest]
	if s == nil {
		return c.slotted(ctx, n.d.Size, func() error { return c.one(ctx, to, n) })
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if slices.Contains(s.at, to) {
		return nil
	}
	err := c.slotted(ctx, n.d.Size, func() error { return c.one(ctx, to, n, s.at...) })
	if err == nil {
		s.at = append(s.at, to)
	}
	return err
}

// A sharedBlob is one that several trees hold.
type sharedBlob struct {
	turn chan struct{} // held by who brings it to a sink
	at   []place.Sink  // where it stands by now
}

func newSharedBlob() *sharedBlob { return &sharedBlob{turn: make(chan struct{}, 1)} }
