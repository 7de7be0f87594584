package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A standing is an index that stands where a parcel goes.
type standing struct {
	root      v1.Descriptor
	platforms []string
}

// standing asks, for the parcels that go under a tag of a registry as less than a
// whole index, which index stands there now: that costs one HEAD request each. Whole
// indexes are not asked for, which would cost every mirror a request an image. What
// cannot be told is passed over; a registry that does not answer will not take the
// parcel either.
func (a *app) standing(ctx context.Context, c carriage, parcels []parcel) ([]standing, error) {
	all := make([]standing, len(parcels))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(int(a.o.jobs))
	for i := range parcels {
		p := &parcels[i]
		chosen := p.req.Platforms
		if chosen.IsZero() {
			chosen = c.o.Platforms
		}
		isPart := !chosen.IsZero() && !chosen.All || !p.req.Root.MediaType.IsIndex()
		if p.err != nil || !isPart || p.end.sink.Ref.Kind != ref.Registry || p.end.sink.Ref.Name.Tag == "" {
			continue
		}
		there, ok := place.As[place.Source](place.Sink(p.end.sink))
		if !ok {
			continue
		}
		g.Go(func() error {
			d, err := there.Resolve(gctx, p.end.sink.Ref.Name.Tag)
			switch {
			case err == nil && d.MediaType.IsIndex():
				all[i].root = d
				all[i].platforms, _ = platformsOf(gctx, there, d)
			case err == nil, gctx.Err() == nil && !errors.Is(err, place.ErrUnavailable): // it is only for a warning
			case c.o.KeepGoing && gctx.Err() == nil:
				*p = a.lose(c, *p, err)
			default:
				return err
			}
			return nil
		})
	}
	return all, g.Wait()
}

// warnNarrowed says of parcels that have arrived where an index stood before which
// platforms that had and they have not. What cannot be read tells nothing.
func (a *app) warnNarrowed(ctx context.Context, parcels []parcel, before []standing) {
	for i, old := range before {
		p := parcels[i]
		if p.err != nil || len(old.platforms) == 0 || old.root.Digest == p.res.Root.Digest {
			continue
		}
		there, ok := place.As[place.Source](place.Sink(p.end.sink))
		if !ok {
			continue
		}
		has, err := platformsOf(ctx, there, p.res.Root)
		if err != nil {
			continue
		}
		lost := slices.DeleteFunc(old.platforms, func(platform string) bool { return slices.Contains(has, platform) })
		if len(lost) == 0 {
			continue
		}
		name := p.end.sink.Ref.Name
		stood := name.Base().Familiar() + "@" + old.root.Digest.String()
		a.handle(event.Event{
			Kind: event.Warn,
			Name: name.String(),
			Text: fmt.Sprintf("%s stood for %s too, and does not any more", name.Familiar(), strings.Join(lost, ", ")),
			Hint: fmt.Sprintf("what stood there is %s: dray copy puts it back, dray index add puts several images under one name", stood),
		})
	}
}

func platformsOf(ctx context.Context, src place.Source, root v1.Descriptor) ([]string, error) {
	entries, err := layers.Entries(ctx, src, root)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.Platform.OS != "" {
			all = append(all, e.Platform.String())
		}
	}
	return all, nil
}
