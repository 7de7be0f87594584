package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/place"
)

// Open opens the content of d, wherever it is.
func (s *Source) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, d, 0, -1)
}

// OpenRange opens a part of the content of d: what the update carries, what a recipe
// in it makes, or what another place has. If nobody has it, the error is a
// [*place.LackError].
func (s *Source) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	ctx, ok := s.enter(ctx, d.Digest)
	if !ok {
		return nil, s.lackError([]v1.Descriptor{d})
	}
	if r, ok := s.recipe(d.Digest); ok {
		return s.cook(ctx, d, r, offset, length)
	}
	var failed error
	for _, p := range s.places(d.Digest) {
		rc, err := place.OpenRange(ctx, p, d, offset, length)
		if err == nil {
			return rc, nil
		}
		if !errors.Is(err, place.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return nil, failed
	}
	return nil, s.lackError([]v1.Descriptor{d})
}

// places are those that may have h, the likeliest first.
func (s *Source) places(h v1.Hash) []place.Source {
	if _, elsewhere := s.needs[h]; elsewhere {
		if _, carried := s.carried[h]; !carried {
			return slices.Concat(s.with, s.others)
		}
	}
	return slices.Concat([]place.Source{s.Source}, s.with, s.others)
}

// Lean has s look into others too for what its updates lack. They stay the caller's,
// and may lean on s. It is called before s is used.
func (s *Source) Lean(others ...place.Source) { s.others = append(s.others, others...) }

// looking marks a context in which s looks for a blob, so that two that lean on each
// other do not ask each other for ever.
type looking struct {
	s *Source
	h v1.Hash
}

// enter reports false if s is looking for h already.
func (s *Source) enter(ctx context.Context, h v1.Hash) (context.Context, bool) {
	if len(s.others) == 0 {
		return ctx, true
	}
	if ctx.Value(looking{s, h}) != nil {
		return ctx, false
	}
	return context.WithValue(ctx, looking{s, h}, true), true
}

// OpenFile opens the content h, wherever it is. What lies where nothing can be opened
// by its digest alone is place.ErrUnsupported.
func (s *Source) OpenFile(ctx context.Context, h v1.Hash) (place.File, error) {
	failed := fmt.Errorf("%s: %w", h, place.ErrNotFound)
	ctx, ok := s.enter(ctx, h)
	if !ok {
		return nil, failed
	}
	if r, ok := s.recipe(h); ok {
		return s.cookFile(ctx, h, r)
	}
	for _, p := range s.places(h) {
		filer, ok := place.As[place.Filer](p)
		if !ok {
			failed = fmt.Errorf("%s: it may lie where nothing can be opened by its digest: %w", h, place.ErrUnsupported)
			continue
		}
		f, err := filer.OpenFile(ctx, h)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, place.ErrNotFound) {
			failed = err
		}
	}
	return nil, failed
}

// lookJobs is how many blobs are looked for at once.
const lookJobs = 8

// Lacks returns those of blobs that nobody has, nor what a recipe makes them of.
func (s *Source) Lacks(ctx context.Context, blobs []v1.Descriptor) ([]v1.Descriptor, error) {
	gone := make([]bool, len(blobs))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookJobs)
	for i, d := range blobs {
		g.Go(func() error {
			has, err := s.has(gctx, d)
			gone[i] = !has
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var lacks []v1.Descriptor
	for i, d := range blobs {
		if gone[i] {
			lacks = append(lacks, d)
		}
	}
	return lacks, nil
}

func (s *Source) has(ctx context.Context, d v1.Descriptor) (bool, error) {
	ctx, ok := s.enter(ctx, d.Digest)
	if !ok {
		return false, nil
	}
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	if r, ok := s.recipe(d.Digest); ok {
		for _, h := range r.bases {
			if has, err := s.has(ctx, s.needs[h].Descriptor()); !has || err != nil {
				return false, err
			}
		}
		return s.has(ctx, r.how)
	}
	var failed error
	for _, p := range s.places(d.Digest) {
		has, err := holds(ctx, p, d)
		if has {
			return true, nil
		}
		failed = errors.Join(failed, err)
	}
	return false, failed
}

// LacksFor returns what nobody has of what the recipe of d builds on.
func (s *Source) LacksFor(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	r, isMade := s.recipe(d.Digest)
	ctx, ok := s.enter(ctx, d.Digest)
	if !isMade || !ok {
		return nil, nil
	}
	from := []v1.Descriptor{r.how}
	for _, h := range r.bases {
		from = append(from, s.needs[h].Descriptor())
	}
	var lacks []v1.Descriptor
	for _, b := range from {
		has, err := s.has(ctx, b)
		if err != nil {
			return nil, err
		}
		if has {
			continue
		}
		deeper, err := s.LacksFor(ctx, b)
		if err != nil {
			return nil, err
		}
		if len(deeper) == 0 {
			deeper = []v1.Descriptor{b}
		}
		lacks = append(lacks, deeper...)
	}
	return lacks, nil
}

// holds reports whether p has content of d's size under its digest. It is not read.
func holds(ctx context.Context, p place.Source, d v1.Descriptor) (bool, error) {
	if s, ok := place.As[*Source](p); ok {
		return s.has(ctx, d)
	}
	size := d.Size
	err := place.ErrUnsupported
	if filer, ok := place.As[place.Filer](p); ok {
		var f place.File
		if f, err = filer.OpenFile(ctx, d.Digest); err == nil {
			size = f.Size()
			err = f.Close()
		}
	}
	if errors.Is(err, place.ErrUnsupported) {
		var rc io.ReadCloser
		if rc, err = place.OpenRange(ctx, p, d, 0, 1); err == nil {
			err = rc.Close()
		}
	}
	if errors.Is(err, place.ErrNotFound) {
		return false, nil
	}
	return err == nil && size == d.Size, err
}

// Missing returns what the images here need and nobody has; nil if all is there.
func (s *Source) Missing(ctx context.Context) (*place.LackError, error) {
	all := make([]v1.Descriptor, 0, len(s.needs))
	for _, b := range s.needs {
		all = append(all, b.Descriptor())
	}
	lacks, err := s.Lacks(ctx, all)
	if err != nil || len(lacks) == 0 {
		return nil, err
	}
	return s.lackError(lacks), nil
}

// lackError names the images that need blobs.
func (s *Source) lackError(blobs []v1.Descriptor) *place.LackError {
	gone := map[v1.Hash]bool{}
	for _, d := range blobs {
		gone[d.Digest] = true
	}
	e := &place.LackError{}
	for _, u := range s.updates {
		for _, b := range u.Needs {
			if gone[b.Digest] {
				e.Lacks = append(e.Lacks, place.Lack{Image: u.name(), Blob: b.Descriptor(), For: u.madeOf(b.Digest)})
			}
		}
	}
	if len(e.Lacks) == 0 { // the documents do not say that it is needed
		for _, d := range blobs {
			e.Lacks = append(e.Lacks, place.Lack{Image: "an image of the update", Blob: d})
		}
	}
	return e
}

// madeOf is what a recipe here makes of base; zero if none does.
func (u *update) madeOf(base v1.Hash) (made v1.Hash) {
	for h, r := range u.recipes {
		if slices.Contains(r.bases, base) && (made.Hex == "" || h.Hex < made.Hex) { // always the same one
			made = h
		}
	}
	return made
}

// name is how people know the image.
func (u *update) name() string {
	if len(u.Names) > 0 {
		return u.Names[0]
	}
	return u.Root.Digest.String()
}

// A Content says what an update is made of. Blobs of several images count once.
type Content struct {
	Images, Carried, Needed   int
	CarriedBytes, NeededBytes int64
}

// Content returns what is here.
func (s *Source) Content() Content {
	c := Content{Images: len(s.updates), Carried: len(s.carried), Needed: len(s.needs)}
	for _, size := range s.carried {
		c.CarriedBytes += size
	}
	for _, b := range s.needs {
		c.NeededBytes += b.Size
	}
	return c
}
