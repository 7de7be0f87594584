package open

import (
	"context"
	"errors"
	"slices"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// Updating returns doors like d that write archives as updates; see [bundle.Sink].
func (d *Doors) Updating(o bundle.Options) *Doors {
	u := New(d.o)
	u.limit, u.update = d.limit, &o
	return u
}

// newUpdate makes an archive that is about to be written an update, if that is asked for.
func (d *Doors) newUpdate(s place.Sink, err error) (place.Sink, error) {
	if err != nil || d.update == nil {
		return s, err
	}
	u, err := bundle.NewSink(s, *d.update)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return u, nil
}

// whole makes the images of src whole if updates stand in it: a layout, or an archive.
func (d *Doors) whole(ctx context.Context, r ref.Ref, src place.Source, o bundle.ReadOptions) (place.Source, error) {
	switch r.Kind {
	case ref.Registry:
		if d.o.Updates && !d.o.Offline {
			return bundle.OpenRepository(src, o), nil
		}
		return src, nil
	case ref.Store, ref.DockerDaemon, ref.ContainersStorage:
		return src, nil
	}
	whole, err := bundle.Open(ctx, src, o)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return whole, nil
}

// reading are options that follow recipes.
func (d *Doors) reading(with func(context.Context) ([]place.Source, error)) bundle.ReadOptions {
	return bundle.ReadOptions{With: with, Apply: d.rebuild.Apply, Close: d.rebuild.Close}
}

// with opens the places that hold what an update leaves out.
func (d *Doors) with(ctx context.Context) ([]place.Source, error) {
	return d.Together(ctx, d.o.With...)
}

// Together opens places that are looked into for content, in this order, and the
// store as the last. Updates among them are whole as far as the others make
// them so. The caller closes them all, and uses none after that.
func (d *Doors) Together(ctx context.Context, refs ...ref.Ref) (places []place.Source, err error) {
	defer func() {
		if err != nil {
			for _, p := range places {
				err = errors.Join(err, p.Close())
			}
			places = nil
		}
	}()
	for _, r := range refs {
		src, _, err := d.source(ctx, r)
		if err == nil {
			src, err = d.whole(ctx, r, src, d.reading(nil))
		}
		if err != nil {
			return places, err
		}
		places = append(places, src)
	}
	if d.hasStore() {
		s, err := d.near.use(d.Store)
		if err != nil {
			return places, err
		}
		places = append(places, s)
	}
	for i, p := range places {
		if u, ok := place.As[*bundle.Source](p); ok {
			u.Lean(slices.Concat(places[:i], places[i+1:])...)
		}
	}
	return places, nil
}
