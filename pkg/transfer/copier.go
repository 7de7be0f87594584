package transfer

import (
	"context"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A copier moves blobs to one sink.
type copier struct {
	dst place.Sink
	o   Options
}

// all puts every node: what is named before what names it, and otherwise as many
// at once as the sink and the options allow.
func (c *copier) all(ctx context.Context, nodes []node) error {
	levels, limit := byLevel(nodes), c.o.jobs()
	if puts := c.dst.Traits().Puts; puts == 1 {
		levels, limit = [][]node{nodes}, 1
	} else if puts > 0 {
		limit = min(limit, puts)
	}
	for _, level := range levels {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(limit)
		for _, n := range level {
			if gctx.Err() != nil {
				break
			}
			g.Go(func() error { return c.one(gctx, n) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// one brings n to the sink by the cheapest way there is.
func (c *copier) one(ctx context.Context, n node) error {
	if has, err := c.dst.Has(ctx, n.d); err != nil {
		return fmt.Errorf("looking for %s: %w", n.d.Digest, err)
	} else if has {
		c.skip(n.d, "present")
		return nil
	}
	if m, ok := place.As[place.Mounter](c.dst); ok && !manifest.Is(n.d.MediaType) {
		if mounted, err := m.Mount(ctx, n.d, n.src); err != nil {
			return fmt.Errorf("mounting %s: %w", n.d.Digest, err)
		} else if mounted {
			c.skip(n.d, "mounted")
			return nil
		}
	}
	c.o.Events.Emit(event.Event{Kind: event.Start, Blob: n.d})
	err := c.dst.Put(ctx, n.d, c.opener(n))
	if err != nil {
		return fmt.Errorf("copying %s: %w", n.d.Digest, err)
	}
	c.o.Events.Emit(event.Event{Kind: event.Done, Blob: n.d})
	return nil
}

func (c *copier) skip(d v1.Descriptor, why string) {
	c.o.Events.Emit(event.Event{Kind: event.Skip, Blob: d, Text: why})
}

// opener opens n and counts what is read of it.
func (c *copier) opener(n node) blob.Opener {
	open := place.Opener(n.src, n.d)
	if n.raw != nil {
		open = blob.Bytes(n.raw)
	}
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
