package cli

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A syncDest is a place that images go to: a repository, a layout or the store.
type syncDest struct {
	sink    *open.Sink
	names   map[string]v1.Descriptor // what stood there; a root is zero where only asking would tell
	partial error                    // why not all names are known; nil: they are
}

// openLocal opens a destination that is one for everything.
func (s *syncer) openLocal(ctx context.Context) (err error) {
	if s.target.Ref.Kind == ref.Registry || s.isArchive() {
		return nil
	}
	s.local, err = s.openDest(ctx, s.target.Ref)
	return err
}

func (s *syncer) closeLocal() error {
	if s.local == nil {
		return nil
	}
	return s.local.sink.Close()
}

func (s *syncer) openDest(ctx context.Context, at ref.Ref) (*syncDest, error) {
	sink, err := s.doors.Sink(ctx, at)
	if err != nil {
		return nil, err
	}
	d := &syncDest{sink: sink, names: map[string]v1.Descriptor{}}
	if lister, ok := place.As[place.Lister](place.Sink(sink)); ok {
		err = lister.List(ctx, func(e place.Entry) error {
			d.names[e.Name] = e.Root
			return nil
		})
	}
	d.partial = err
	// Who may not list may still be allowed to write: that will tell.
	if err != nil && !errors.Is(err, place.ErrNotFound) && !errors.Is(err, place.ErrDenied) {
		return nil, errors.Join(err, sink.Close())
	}
	return d, nil
}

// dest returns where to goes, opened once for g.
func (g *syncGroup) dest(ctx context.Context, s *syncer, to ref.Name) (*syncDest, error) {
	if s.local != nil {
		return s.local, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	base := to.Base()
	d, ok := g.dests[base.String()]
	if ok {
		return d, nil
	}
	d, err := s.openDest(ctx, ref.Ref{Kind: ref.Registry, Name: base, Explicit: true})
	if err != nil {
		return nil, err
	}
	g.dests[base.String()] = d
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stood[base.String()] = tagSet(d)
	return d, nil
}

func tagSet(d *syncDest) map[string]bool {
	set := make(map[string]bool, len(d.names))
	for name := range d.names {
		set[name] = true
	}
	return set
}

// nameAt is what to is called at the destination itself.
func (s *syncer) nameAt(to ref.Name) string {
	if s.target.Ref.Kind == ref.Registry {
		return to.Tag
	}
	return to.Tagged()
}

// resolveAt asks the destination what stands under name.
func resolveAt(ctx context.Context, d *syncDest, name string) (v1.Descriptor, error) {
	src, ok := place.As[interface {
		Resolve(ctx context.Context, name string) (v1.Descriptor, error)
	}](place.Sink(d.sink))
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("resolving %q: %w", name, place.ErrUnsupported)
	}
	return src.Resolve(ctx, name)
}
