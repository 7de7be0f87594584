package store

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Pruned says what [Store.Prune] removed, or would remove.
type Pruned struct {
	Blobs    int   `json:"blobs"`
	Bytes    int64 `json:"bytes"`    // in those blobs
	Partials int64 `json:"partials"` // bytes of unfinished downloads
}

// Prune removes the content that no name reaches, and unfinished downloads. It
// waits for other readers and writers to end, and says so once. With dryRun it
// only counts. A name whose content is damaged stops it: what that name
// reaches cannot be known.
func (s *Store) Prune(ctx context.Context, dryRun bool) (Pruned, error) {
	unlock, err := s.alone(ctx)
	if err != nil {
		return Pruned{}, err
	}
	defer unlock()
	x, err := s.index()
	if err != nil {
		return Pruned{}, err
	}
	keep := reached{}
	for _, e := range x.List() {
		if err := s.reach(ctx, e.Root, keep, 0); err != nil {
			return Pruned{}, fmt.Errorf("pruning store: %q: %w", e.Name, err)
		}
	}
	var p Pruned
	err = s.dir.Walk(func(h v1.Hash, size int64) error {
		if keep[h] {
			return nil
		}
		p.Blobs++
		p.Bytes += size
		if dryRun {
			return nil
		}
		return s.dir.RemoveBlob(h)
	})
	if err != nil || dryRun {
		return p, err
	}
	p.Partials, err = s.dir.RemovePartials()
	return p, err
}

// alone gives up the shared lock and takes the one that nobody else has.
func (s *Store) alone(ctx context.Context) (func(), error) {
	if err := s.Close(); err != nil {
		return nil, err
	}
	unlock, ok, err := s.dir.TryLock(true)
	if err != nil || ok {
		return unlock, err
	}
	s.dir.Events.Emit(event.Event{Kind: event.Note, Text: "the store is in use; waiting until the others are done"})
	return s.dir.Lock(ctx, true)
}

// reached holds the digests that names reach.
type reached map[v1.Hash]bool

// reach adds everything below root. Children of an index that were never put
// (a sparse index) are passed over; a manifest that is there must be readable.
func (s *Store) reach(ctx context.Context, root v1.Descriptor, keep reached, depth int) error {
	if keep[root.Digest] {
		return nil
	}
	keep[root.Digest] = true
	if !manifest.Is(root.MediaType) {
		return nil
	}
	doc, err := s.manifest(ctx, root)
	if depth > 0 && errors.Is(err, place.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if depth > manifest.MaxNesting {
		return fmt.Errorf("indexes nested deeper than %d: %w", manifest.MaxNesting, place.ErrInvalid)
	}
	for _, child := range doc.Children() {
		if err := s.reach(ctx, child, keep, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// manifest reads without the shared lock, for those who hold the other one.
func (s *Store) manifest(ctx context.Context, d v1.Descriptor) (*manifest.Doc, error) {
	f, err := s.dir.OpenBlob(d.Digest)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	raw, err := blob.ReadAll(ctx, blob.File(s.dir.BlobPath(d.Digest)), d, manifest.MaxBytes)
	if err != nil {
		return nil, err
	}
	return manifest.Parse(d, raw)
}

// A Fault is something that [Store.Check] found.
type Fault struct {
	Digest v1.Hash  `json:"digest"`
	Names  []string `json:"names"` // that reach it; none if nothing does
	Text   string   `json:"fault"`
}

// Check reads everything in the store and returns what is damaged or missing,
// with the names concerned. With repair, damaged content is removed, so that
// the next pull or load of those names brings it back.
func (s *Store) Check(ctx context.Context, repair bool) ([]Fault, error) {
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	x, err := s.index()
	if err != nil {
		return nil, err
	}
	bad := map[v1.Hash]string{}
	err = s.dir.Walk(func(h v1.Hash, size int64) error {
		d := v1.Descriptor{Digest: h, Size: size}
		s.dir.Events.Emit(event.Event{Kind: event.Start, Blob: d})
		defer s.dir.Events.Emit(event.Event{Kind: event.Done, Blob: d})
		err := s.dir.CheckBlob(ctx, d)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			bad[h] = err.Error()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checking store: %w", err)
	}
	faults := s.faults(ctx, x, bad)
	if !repair {
		return faults, nil
	}
	return faults, s.removeDamaged(ctx, bad)
}

// faults adds what names miss to what is bad, and says which names that are.
func (s *Store) faults(ctx context.Context, x *layout.Index, bad map[v1.Hash]string) []Fault {
	byDigest := map[v1.Hash]*Fault{}
	var order []v1.Hash
	note := func(h v1.Hash, name, text string) {
		f := byDigest[h]
		if f == nil {
			f = &Fault{Digest: h, Text: text, Names: []string{}}
			byDigest[h] = f
			order = append(order, h)
		}
		if name != "" {
			f.Names = append(f.Names, name)
		}
	}
	for _, e := range x.List() {
		w := walk{s: s, bad: bad, seen: reached{}, fault: func(h v1.Hash, text string) { note(h, e.Name, text) }}
		w.visit(ctx, e.Root, false)
	}
	for h, text := range bad {
		if byDigest[h] == nil {
			note(h, "", text)
		}
	}
	faults := make([]Fault, 0, len(order))
	for _, h := range order {
		faults = append(faults, *byDigest[h])
	}
	return faults
}

// walk visits what one name reaches and reports what is bad or missing.
type walk struct {
	s     *Store
	bad   map[v1.Hash]string
	seen  reached
	fault func(h v1.Hash, text string)
}

func (w walk) visit(ctx context.Context, d v1.Descriptor, inIndex bool) {
	if w.seen[d.Digest] {
		return
	}
	w.seen[d.Digest] = true
	if text, ok := w.bad[d.Digest]; ok {
		w.fault(d.Digest, text)
		return
	}
	if !w.s.dir.HasBlob(d) {
		// An index may be kept without the platforms that were not asked for.
		if !inIndex && !manifest.IsForeign(d) {
			w.fault(d.Digest, "it is not there, or has another size")
		}
		return
	}
	if !manifest.Is(d.MediaType) {
		return
	}
	doc, err := w.s.manifest(ctx, d)
	if err != nil {
		w.fault(d.Digest, err.Error())
		return
	}
	for _, child := range doc.Children() {
		w.visit(ctx, child, doc.Index != nil)
	}
}

// removeDamaged removes the content that Check found to be something else.
func (s *Store) removeDamaged(ctx context.Context, bad map[v1.Hash]string) error {
	if len(bad) == 0 {
		return nil
	}
	unlock, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	var errs []error
	for h := range bad {
		errs = append(errs, s.dir.RemoveBlob(h))
	}
	return errors.Join(errs...)
}
