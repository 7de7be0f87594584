package transfer

import (
	"context"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// commit makes the root of t, which is there with everything below it, stand
// under its names, and before it what belongs to it.
func (c *copier) commit(ctx context.Context, t *tree) error {
	for _, k := range t.kin {
		if err := t.req.To.Commit(ctx, k.Descriptor, k.Names...); err != nil {
			return newReferrerError(k.Descriptor, err)
		}
	}
	if err := t.req.To.Commit(ctx, t.root, t.req.Names...); err != nil {
		return err
	}
	c.tellCommit(t)
	return nil
}

func (c *copier) tellCommit(t *tree) {
	if n := len(t.kin); n > 0 {
		c.o.Events.Emit(event.Event{Kind: event.Referrers, Name: t.req.Name, Blob: t.root, Count: n, Total: int64(n)})
	}
	for _, name := range t.req.Names {
		c.o.Events.Emit(event.Event{Kind: event.Commit, Name: name, Blob: t.root})
	}
}

// commitEach commits trees in their order, as soon as arrived says of each that it
// is there. What has arrived while others were committed is committed at once,
// where the sink can do that: a layout then writes its index once for all of it.
func (c *copier) commitEach(ctx context.Context, trees []*tree, arrived []chan error) error {
	for next := 0; next < len(trees); {
		var group []*tree
		for ; next < len(trees); next++ {
			t := trees[next]
			if len(group) > 0 && (t.req.To != group[0].req.To || len(arrived[next]) == 0) {
				break
			}
			select {
			case err := <-arrived[next]:
				if err == nil {
					group = append(group, t)
				} else {
					t.fail(err, c.o.Events)
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := c.commitGroup(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// commitGroup commits trees that go to one sink.
func (c *copier) commitGroup(ctx context.Context, group []*tree) error {
	if c.commitAtOnce(ctx, group) {
		return nil
	}
	for _, t := range group {
		err := c.commit(ctx, t)
		if err != nil && c.o.KeepGoing && ctx.Err() == nil {
			t.fail(err, c.o.Events)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commitAtOnce reports whether all of group is committed in one step. If not, one by
// one will tell which of them cannot be.
func (c *copier) commitAtOnce(ctx context.Context, group []*tree) bool {
	if len(group) == 0 {
		return true
	}
	s, ok := place.As[place.Committer](group[0].req.To)
	if !ok {
		return false
	}
	var roots []place.Root
	for _, t := range group {
		roots = append(append(roots, t.kin...), place.Root{Descriptor: t.root, Names: t.req.Names})
	}
	if len(roots) == 1 || s.CommitAll(ctx, roots) != nil {
		return false
	}
	for _, t := range group {
		c.tellCommit(t)
	}
	return true
}
