package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/place"
)

// ReadOptions say where the rest of an update is. The zero value knows nowhere.
type ReadOptions struct {
	// With opens the places to look into, in order, for what an update lacks. It is
	// called at most once, and only if there is an update. They are closed with the source.
	With func(ctx context.Context) ([]place.Source, error)
	// Apply opens the blob want, made by the recipe how, both recipe and bases (which
	// are blobs of the other side) read from src. What it opens is verified by whoever
	// stores it. Without it, recipes cannot be followed.
	Apply func(ctx context.Context, want, how v1.Descriptor, bases []Blob, src place.Source) (io.ReadCloser, error)
	// Close, if it is set, is called when the source is closed.
	Close func() error
}

// A Source is a place with updates in it, whose images it makes whole with what
// lies elsewhere. Images that stand beside them are passed on. It is as safe for
// concurrent use as the places that it reads.
type Source struct {
	place.Source // where the updates lie
	o            ReadOptions
	with         []place.Source
	others       []place.Source // likewise, but not to be closed
	names        *layout.Index  // of images, as if they lay there

	updates []*update
	carried map[v1.Hash]int64
	needs   map[v1.Hash]Blob
	recipes map[v1.Hash]recipe
}

var (
	_ place.Source    = (*Source)(nil)
	_ place.Lister    = (*Source)(nil)
	_ place.Referrer  = (*Source)(nil)
	_ place.Ranger    = (*Source)(nil)
	_ place.Filer     = (*Source)(nil)
	_ place.Stamper   = (*Source)(nil)
	_ place.Holder    = (*Source)(nil)
	_ place.Lacker    = (*Source)(nil)
	_ place.Rebuilder = (*Source)(nil)

	_ place.ReferrerLister = (*Source)(nil)
)

// maxUpdateBytes bounds the artifacts of one place, with their documents, which are
// held in memory: some hundred thousand needs.
const maxUpdateBytes = 64 << 20

// Open returns src, or a [*Source] around it if what it lists holds an update: a
// layout, or an archive. Closing that closes src. If there is an error, src stays
// the caller's.
func Open(ctx context.Context, src place.Source, o ReadOptions) (place.Source, error) {
	l, ok := place.As[place.Lister](src)
	if !ok {
		return src, nil
	}
	var entries []place.Entry
	found := false
	err := l.List(ctx, func(e place.Entry) error {
		entries = append(entries, e)
		found = found || isUpdate(e.Root)
		return nil
	})
	if err != nil || !found {
		return src, nil // who asks for something will hear of the error
	}
	if r, ok := place.As[place.ReferrerLister](src); ok {
		err := r.ListReferrers(ctx, func(e place.Entry) error {
			entries = append(entries, e)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading update: %w", err)
		}
	}
	s := newSource(src, o)
	if err := s.read(ctx, entries); err != nil {
		return nil, fmt.Errorf("reading update: %w", err)
	}
	if o.With != nil {
		if s.with, err = o.With(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func newSource(src place.Source, o ReadOptions) *Source {
	return &Source{
		Source: src, o: o, names: layout.NewIndex(),
		carried: map[v1.Hash]int64{}, needs: map[v1.Hash]Blob{}, recipes: map[v1.Hash]recipe{},
	}
}

func (s *Source) read(ctx context.Context, entries []place.Entry) error {
	left := int64(maxUpdateBytes)
	roots := map[string]v1.Hash{}
	seen := map[v1.Hash]bool{}
	for _, e := range entries {
		if !isUpdate(e.Root) {
			s.names.Add(e.Root, namesOf(e)...)
			continue
		}
		if seen[e.Root.Digest] {
			continue // under another name
		}
		seen[e.Root.Digest] = true
		u, err := readUpdate(ctx, s.Source, e.Root, &left)
		if err == nil {
			err = s.add(u, roots)
		}
		if err != nil {
			return err
		}
	}
	return s.checkRecipes()
}

// namesOf is what e is called; nothing if it stands under its digest alone.
func namesOf(e place.Entry) []string {
	if e.Name == "" || e.Name[0] == '@' {
		return nil
	}
	return []string{e.Name}
}

// add adds one update. Two that contradict each other are refused.
func (s *Source) add(u *update, roots map[string]v1.Hash) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf(format+": %w", append(args, place.ErrInvalid)...)
	}
	for _, n := range u.Names {
		if other, ok := roots[n]; ok && other != u.Root.Digest {
			return wrong("%.300q is %s and %s", n, other, u.Root.Digest)
		}
		roots[n] = u.Root.Digest
	}
	for _, d := range u.carried {
		if size, ok := s.carried[d.Digest]; ok && size != d.Size {
			return wrong("%s has %d and %d bytes", d.Digest, size, d.Size)
		}
		s.carried[d.Digest] = d.Size
	}
	for _, b := range u.Needs {
		if other, ok := s.needs[b.Digest]; ok && other.Size != b.Size {
			return wrong("%s has %d and %d bytes", b.Digest, other.Size, b.Size)
		}
		s.needs[b.Digest] = b
	}
	for h, r := range u.recipes {
		s.recipes[h] = r
	}
	s.updates = append(s.updates, u)
	s.names.Add(u.Root, u.Names...)
	return nil
}

// Unwrap lets [place.As] look through.
func (s *Source) Unwrap() place.Source { return s.Source }

// Resolve returns the image that name means, as if the images of the updates lay here.
func (s *Source) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	root, err := s.names.Pick(name)
	if strings.Contains(name, "@") && errors.Is(err, place.ErrNotFound) {
		return s.Source.Resolve(ctx, name)
	}
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading update: %w", err)
	}
	return root, nil
}

// List visits the images in order of their names.
func (s *Source) List(_ context.Context, visit func(place.Entry) error) error {
	for _, e := range s.names.List() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Referrers returns what belongs to d: an update holds that as it holds images.
func (s *Source) Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	return s.names.Referrers(ctx, d.Digest, nil)
}

// ListReferrers visits what belongs to images.
func (s *Source) ListReferrers(_ context.Context, visit func(place.Entry) error) error {
	for _, e := range s.names.ListReferrers() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Stamp is always the same: what is in an update was found out when it was opened.
func (s *Source) Stamp(context.Context) (string, error) { return "", nil }

// Release gives back what the places hold that are read.
func (s *Source) Release() error {
	var errs []error
	for _, p := range append([]place.Source{s.Source}, s.with...) {
		if h, ok := place.As[place.Holder](p); ok {
			errs = append(errs, h.Release())
		}
	}
	return errors.Join(errs...)
}

// Close closes everything that was opened.
func (s *Source) Close() error {
	errs := []error{s.Source.Close()}
	for _, p := range s.with {
		errs = append(errs, p.Close())
	}
	if s.o.Close != nil {
		errs = append(errs, s.o.Close())
	}
	return errors.Join(errs...)
}
