package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// DescribeOptions say how a [Describer] works. The zero value knows no content but
// that of the images themselves.
type DescribeOptions struct {
	// Places opens the places where the content of what the other side has can be
	// read, in order. It is called at most once; they are closed with the Describer.
	Places func(ctx context.Context) ([]place.Source, error)
	// Repack describes layers that nothing on the other side is like, too: compressed better.
	Repack bool
	// Whole describes no layer by others.
	Whole   bool
	TempDir string // "" is the system's
	Jobs    int
	Events  event.Handler
}

// A Describer makes recipes for an update: give its Recipe to [Options]. What it
// makes lies in temporary files until it is closed.
type Describer struct {
	o      DescribeOptions
	asked  bool // for the places
	opened []place.Source
	bases  []candidate // what the other side has of layers; nil: not looked for
	dir    string
	count  int
}

// NewDescriber returns a Describer. It opens nothing.
func NewDescriber(o DescribeOptions) *Describer {
	return &Describer{o: o}
}

// places opens the places, once.
func (c *Describer) places(ctx context.Context) ([]place.Source, error) {
	if c.asked || c.o.Places == nil {
		return c.opened, nil
	}
	var err error
	c.opened, err = c.o.Places(ctx)
	c.asked = err == nil
	return c.opened, err
}

// Close removes the recipes and closes the places.
func (c *Describer) Close() error {
	var errs []error
	for _, p := range c.opened {
		errs = append(errs, p.Close())
	}
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// minDescribed is how small a blob may be to be described: a recipe has a kilobyte.
const minDescribed = 4 << 10

func (w Wanted) canBeDescribed() bool { return w.Size >= minDescribed && w.MediaType.IsLayer() }

// Likely reports whether Recipe would try to find a recipe for want. It reads no layer;
// it is called as Recipe is.
func (c *Describer) Likely(ctx context.Context, want Wanted) (bool, error) {
	if !want.canBeDescribed() {
		return false, nil
	}
	bases, err := c.choose(ctx, want)
	if err != nil || c.o.Repack {
		return err == nil, err
	}
	for _, b := range bases {
		if b.same {
			return true, nil
		}
		if open, err := c.find(ctx, b.Descriptor()); open != nil || err != nil {
			return open != nil, err
		}
	}
	return false, nil
}

// Recipe returns a recipe for want that is smaller than it, proven by following it,
// or nil if there is none. It is called by one goroutine at a time.
func (c *Describer) Recipe(ctx context.Context, want Wanted) (*Recipe, error) {
	if !want.canBeDescribed() {
		return nil, nil
	}
	bases, err := c.choose(ctx, want)
	if err != nil || len(bases) == 0 && !c.o.Repack {
		return nil, err
	}
	if err := c.makeDir(); err != nil {
		return nil, err
	}
	var n nearby
	r, err := c.describe(ctx, &n, want, bases)
	if err := errors.Join(err, n.Close()); err != nil {
		return nil, fmt.Errorf("describing layer %s: %w", want.Digest, err)
	}
	return r, nil
}

func (c *Describer) makeDir() (err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp(c.o.TempDir, "dray-recipes-*"); err != nil {
			err = fmt.Errorf("describing layers: %w", err)
		}
	}
	return err
}

// describe makes the recipe, once with bases and, if nothing comes of that, without.
func (c *Describer) describe(ctx context.Context, n *nearby, want Wanted, bases []candidate) (*Recipe, error) {
	open, err := n.take(ctx, c.dir, want.Descriptor(), want.Open)
	if err != nil {
		return nil, err
	}
	target := delta.Blob{Desc: want.Descriptor(), Open: open}
	if want.DiffID != nil {
		target.DiffID = *want.DiffID
	}
	blobs, err := c.fetch(ctx, n, target, bases)
	if err != nil {
		return nil, err
	}
	if len(blobs) == 0 && !c.o.Repack {
		return nil, nil
	}
	return c.make(ctx, target, blobs)
}

// fetch opens the bases that can be had.
func (c *Describer) fetch(ctx context.Context, n *nearby, target delta.Blob, bases []candidate) ([]delta.Blob, error) {
	var blobs []delta.Blob
	for _, b := range bases {
		d := delta.Blob{Desc: b.Descriptor()}
		if b.DiffID != nil {
			d.DiffID = *b.DiffID
		}
		open, err := c.find(ctx, d.Desc)
		switch {
		case err != nil:
			return nil, err
		case open != nil:
			if d.Open, err = n.take(ctx, c.dir, d.Desc, open); err != nil {
				return nil, fmt.Errorf("reading base %s: %w", b.Digest, err)
			}
		case b.same: // the target stands for it
			d.Open, d.Held = target.Open, &target.Desc
		default:
			continue
		}
		blobs = append(blobs, d)
	}
	return blobs, nil
}

// find returns what opens d, nil if no place has it.
func (c *Describer) find(ctx context.Context, d v1.Descriptor) (blob.Opener, error) {
	places, err := c.places(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		if has, err := holds(ctx, p, d); err != nil {
			return nil, err
		} else if has {
			return place.Opener(p, d), nil
		}
	}
	return nil, nil
}

// make makes a recipe in a file. It returns nil if want had better travel whole.
func (c *Describer) make(ctx context.Context, target delta.Blob, bases []delta.Blob) (*Recipe, error) {
	f, err := newRecipeFile(c.dir, c.count)
	if err != nil {
		return nil, err
	}
	c.count++
	st, err := delta.Make(ctx, target, bases, f, delta.Options{TempDir: c.o.TempDir, Jobs: c.o.Jobs, NoRepack: !c.o.Repack, Events: c.o.Events})
	if err := f.Close(); err != nil {
		return nil, err
	}
	switch {
	case errors.Is(err, delta.ErrNotExact):
		c.o.Events.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf("layer %s travels whole", target.Desc.Digest), Hint: err.Error()})
		return nil, nil
	case errors.Is(err, delta.ErrNotSmaller), err == nil && st.Method == delta.Repack && !c.o.Repack:
		return nil, nil
	case err != nil:
		return nil, err
	}
	h, err := delta.ReadHead(ctx, f.open)
	if err != nil {
		return nil, err
	}
	r := &Recipe{Descriptor: f.descriptor(types.MediaType(h.MediaType())), Open: f.open}
	for _, b := range h.Bases {
		r.Bases = append(r.Bases, b.Digest)
	}
	return r, nil
}

// candidates returns the layers that the other side has, with what is known of them.
func (c *Describer) candidates(ctx context.Context, have *Have) ([]candidate, error) {
	if c.bases != nil {
		return c.bases, nil
	}
	places, err := c.places(ctx)
	if err != nil {
		return nil, err
	}
	c.bases = []candidate{}
	known := originsOf(ctx, places, have)
	have.All(func(b Blob) bool {
		if b.MediaType.IsLayer() && b.Size >= minDescribed && !manifest.IsForeign(b.Descriptor()) {
			c.bases = append(c.bases, candidate{Blob: b, origins: known[b.Digest]})
		}
		return true
	})
	return c.bases, nil
}
