package open

import (
	"context"
	"errors"

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

// with opens the places that hold what an update leaves out. What is an update
// among them is taken for what it carries.
func (d *Doors) with(ctx context.Context) (places []place.Source, err error) {
	defer func() {
		if err != nil {
			for _, p := range places {
				err = errors.Join(err, p.Close())
			}
			places = nil
		}
	}()
	for _, r := range d.o.With {
		src, _, err := d.source(ctx, r)
		if err == nil {
			src, err = d.whole(ctx, r, src, bundle.ReadOptions{})
		}
		if err != nil {
			return places, err
		}
		places = append(places, src)
	}
	if !d.hasStore() {
		return places, nil
	}
	s, err := d.near.use(d.Store)
	if err != nil {
		return places, err
	}
	return append(places, s), nil
}
