package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
)

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
	bad, err := s.damaged(ctx)
	if err != nil {
		return nil, fmt.Errorf("checking store: %w", err)
	}
	faults := s.faults(ctx, x, bad)
	if !repair {
		return faults, nil
	}
	return faults, s.removeDamaged(ctx, bad)
}

// damaged reads every blob and returns what is wrong with those that are not
// what their name says.
func (s *Store) damaged(ctx context.Context) (map[v1.Hash]string, error) {
	var blobs []v1.Descriptor
	var total int64
	err := s.dir.Walk(func(h v1.Hash, size int64) error {
		blobs = append(blobs, v1.Descriptor{Digest: h, Size: size})
		total += size
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.dir.Events.Emit(event.Event{Kind: event.Plan, Count: len(blobs), Total: total, Text: "checked"})
	bad := map[v1.Hash]string{}
	for _, d := range blobs {
		s.dir.Events.Emit(event.Event{Kind: event.Start, Blob: d})
		if err := s.dir.CheckBlob(ctx, d); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			bad[d.Digest] = strings.TrimPrefix(err.Error(), d.Digest.String()+": ")
		}
		s.dir.Events.Emit(event.Event{Kind: event.Bytes, Blob: d, N: d.Size})
		s.dir.Events.Emit(event.Event{Kind: event.Done, Blob: d})
	}
	return bad, nil
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
		w := walk{s: s, index: x, bad: bad, seen: map[seenAs]bool{}, fault: func(h v1.Hash, text string) { note(h, e.Name, text) }}
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

// walk visits what one name reaches, and what belongs to that, and reports what is
// bad or missing.
type walk struct {
	s     *Store
	index *layout.Index
	bad   map[v1.Hash]string
	seen  map[seenAs]bool
	fault func(h v1.Hash, text string)
}

// seenAs is a digest and what it was named as: one image's layer may be another's manifest.
type seenAs struct {
	digest     v1.Hash
	isManifest bool
}

func (w walk) visit(ctx context.Context, d v1.Descriptor, inIndex bool) {
	as := seenAs{d.Digest, manifest.Is(d.MediaType)}
	if w.seen[as] {
		return
	}
	w.seen[as] = true
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
	kin, err := w.index.Referrers(ctx, d.Digest, nil)
	if err != nil {
		w.fault(d.Digest, err.Error())
	}
	for _, k := range kin {
		w.visit(ctx, k, false)
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
