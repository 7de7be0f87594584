package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// FlattenOptions say which layers become one.
type FlattenOptions struct {
	EditOptions
	From     int // the lowest layer that is merged: 0 merges all
	Compress compress.Kind
	Message  string // comment in the history
}

// Flatten makes one layer of all that every image of root has, or of those from one
// on. What they hide of each other is gone then; what they hide of lower layers stays
// hidden. The history is kept.
func (b *Bench) Flatten(ctx context.Context, root v1.Descriptor, o FlattenOptions) (*Result, error) {
	if o.From < 0 {
		return nil, fmt.Errorf("there is no layer %d", o.From)
	}
	return b.edit(ctx, root, o.EditOptions, edit{content: true, do: func(ctx context.Context, d *draft) error { return b.flatten(ctx, d, o) }})
}

func (b *Bench) flatten(ctx context.Context, d *draft, o FlattenOptions) error {
	n := len(d.manifest.Layers)
	switch {
	case d.isWindows():
		return fmt.Errorf("layers of Windows hold parts of the registry, which cannot be merged: %w", place.ErrUnsupported)
	case o.From >= n:
		return fmt.Errorf("there is no layer %d: there are %d, from 0: %w", o.From, n, place.ErrNotFound)
	case o.From == n-1:
		o.note("%s: there is nothing to merge", d.Platform)
		return nil
	}
	made, err := b.squash(ctx, d, o)
	if err != nil {
		return err
	}
	file := d.config.File
	d.pad()
	at := 0
	for i, h := range file.History {
		if h.EmptyLayer {
			continue
		}
		file.History[i].EmptyLayer = at >= o.From
		at++
	}
	file.History = append(file.History, v1.History{Created: file.Created, CreatedBy: fmt.Sprintf("dray flatten: %d layers", n-o.From), Comment: o.Message})
	file.RootFS.DiffIDs = append(slices.Clone(file.RootFS.DiffIDs[:o.From]), made.DiffID)
	d.manifest.Layers = append(slices.Clone(d.manifest.Layers[:o.From]), made.Descriptor)
	d.why = append(d.why, fmt.Sprintf("%d layers are one", n-o.From))
	return nil
}

// squash makes one layer of those of d from o.From on.
func (b *Bench) squash(ctx context.Context, d *draft, o FlattenOptions) (*madeLayer, error) {
	r := b.reader(o.Options)
	ds := d.manifest.Layers
	r.plan(ds[o.From:])
	t, budget := merge.New(false), new(merge.Budget)
	for i := len(ds) - 1; i >= o.From; i-- {
		table, err := r.table(ctx, ds[i], merge.Options{Layer: i, Budget: budget})
		if err != nil {
			return nil, err
		}
		t.Under(table)
	}
	mt := d.Manifest.Descriptor.MediaType
	return b.layer(mt, packing(mt, o.Compress), func(w io.Writer) error {
		out := merge.NewTarWriter(w)
		if o.From > 0 {
			for _, m := range t.Marks() {
				if err := out.Mark(m); err != nil {
					return err
				}
			}
		}
		s := merge.Stream{Tree: t, Open: r.opener(ds), Upper: o.From > 0}
		return errors.Join(s.To(ctx, out), out.Close())
	})
}
