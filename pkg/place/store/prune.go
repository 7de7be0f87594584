package store

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// Pruned says what [Store.Prune] removed, or would remove.
type Pruned struct {
	Names    int   `json:"names"` // of images that stood under their digest alone
	Blobs    int   `json:"blobs"`
	Bytes    int64 `json:"bytes"`    // in those blobs
	Partials int64 `json:"partials"` // bytes of unfinished downloads
}

// PruneOptions say what [Store.Prune] removes. The zero value is what no name reaches.
type PruneOptions struct {
	DryRun   bool // only count
	Untagged bool // images too that stand under their digest alone
}

// Prune removes the content that no name reaches, and unfinished downloads. What
// belongs to an image stays and goes with it. It waits for other readers and writers
// to end, and says so once. A name whose content is
// damaged stops it: what that name reaches cannot be known.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	unlock, err := s.alone(ctx)
	if err != nil {
		return Pruned{}, err
	}
	defer unlock()
	x, err := s.index()
	if err != nil {
		return Pruned{}, err
	}
	var untagged []string
	if o.Untagged {
		untagged = untaggedIn(x)
		removeNames(x, untagged)
	}
	keep := reached{all: map[v1.Hash]bool{}, read: map[v1.Hash]bool{}, index: x}
	for _, e := range x.List() {
		if err := s.reach(ctx, e.Root, keep, 0); err != nil {
			return Pruned{}, fmt.Errorf("pruning store: %q: %w", e.Name, err)
		}
	}
	isKept := func(d v1.Descriptor) bool { return keep.all[d.Digest] }
	if !o.DryRun && (x.RemoveReferrers(isKept) || len(untagged) > 0) { // names go before what they stand for
		err := s.dir.Update(ctx, func(x *layout.Index) error {
			removeNames(x, untagged)
			x.RemoveReferrers(isKept)
			return nil
		})
		if err != nil {
			return Pruned{}, err
		}
	}
	p := Pruned{Names: len(untagged)}
	err = s.dir.Walk(func(h v1.Hash, size int64) error {
		if keep.all[h] {
			return nil
		}
		p.Blobs++
		p.Bytes += size
		if o.DryRun {
			return nil
		}
		return s.dir.RemoveBlob(h)
	})
	if err != nil {
		return p, err
	}
	p.Partials, err = s.dir.RemovePartials(o.DryRun)
	return p, err
}

// untaggedIn returns the names in x that have no tag.
func untaggedIn(x *layout.Index) []string {
	var untagged []string
	for _, e := range x.List() {
		if n, err := ref.ParseName(e.Name); err == nil && n.Tag == "" && n.Digest != "" {
			untagged = append(untagged, e.Name)
		}
	}
	return untagged
}

func removeNames(x *layout.Index, names []string) {
	for _, name := range names {
		x.Remove(name)
	}
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

// reached holds the digests that names reach, and of those the manifests whose
// children are in it too: an image may name another's manifest as a mere layer.
type reached struct {
	all, read map[v1.Hash]bool
	index     *layout.Index
}

// reach adds everything below root, and what belongs to it. Children of an index that
// were never put (a sparse index) are passed over; a manifest that is there must be
// readable.
func (s *Store) reach(ctx context.Context, root v1.Descriptor, keep reached, depth int) error {
	keep.all[root.Digest] = true
	if keep.read[root.Digest] || !manifest.Is(root.MediaType) {
		return nil
	}
	keep.read[root.Digest] = true
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
	kin, err := keep.index.Referrers(ctx, root.Digest, nil)
	if err != nil {
		return err
	}
	for _, d := range kin {
		if err := s.reach(ctx, d, keep, 1); err != nil {
			return err
		}
	}
	return nil
}

// manifest reads without the shared lock, for those who hold the other one.
func (s *Store) manifest(ctx context.Context, d v1.Descriptor) (*manifest.Doc, error) {
	return s.dir.Manifest(ctx, d)
}
