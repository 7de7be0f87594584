// Package image is about images as wholes: which platforms one has, and what a
// choice of them is as an image of its own.
package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// AnnotationOrigin holds, on what was made by choosing platforms of an index,
// the digest of that index.
const AnnotationOrigin = "io.dray.origin.digest"

// annotationSubject is how BuildKit says which image an attestation entry of an
// index belongs to.
const annotationSubject = "vnd.docker.reference.digest"

// opener is a place, as far as this package needs one.
type opener interface {
	Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
}

// An Entry is one image of an index, or the only one there is.
type Entry struct {
	Descriptor   v1.Descriptor
	Platform     arch.Platform   // from the index, or where that says nothing from the config; zero for what is no image
	Attestations []v1.Descriptor // entries of the same index that speak of this one
}

// Platforms returns the entries of what root describes, indexes within indexes
// laid flat, in their order. It reads a child only where the index does not say
// its platform. What is no runnable image has the zero platform.
func Platforms(ctx context.Context, src opener, root *manifest.Doc) ([]Entry, error) {
	if root.Image != nil {
		p, err := configPlatform(ctx, src, root)
		return []Entry{{Descriptor: root.Descriptor, Platform: p}}, err
	}
	r := &reader{src: src, seen: map[v1.Hash]bool{}}
	err := r.index(ctx, root, 0)
	return r.entries, err
}

type reader struct {
	src     opener
	entries []Entry
	seen    map[v1.Hash]bool
}

func (r *reader) index(ctx context.Context, doc *manifest.Doc, depth int) error {
	if depth > manifest.MaxNesting {
		return fmt.Errorf("reading index %s: nested deeper than %d", doc.Descriptor.Digest, manifest.MaxNesting)
	}
	if r.seen[doc.Descriptor.Digest] {
		return nil
	}
	r.seen[doc.Descriptor.Digest] = true
	companions := attestations(doc)
	for _, d := range doc.Index.Manifests {
		if len(r.entries) >= manifest.MaxChildren {
			return fmt.Errorf("reading index %s: more than %d images in all", doc.Descriptor.Digest, manifest.MaxChildren)
		}
		if p := arch.FromV1(d.Platform); p.IsAttestation() || isCompanion(d) {
			continue
		} else if d.Platform != nil && p.OS != "" && !d.MediaType.IsIndex() {
			r.entries = append(r.entries, Entry{Descriptor: d, Platform: p, Attestations: companions[d.Digest.String()]})
			continue
		}
		if err := r.unlabelled(ctx, d, companions[d.Digest.String()], depth); err != nil {
			return err
		}
	}
	return nil
}

// unlabelled takes in an entry that says nothing of its platform.
func (r *reader) unlabelled(ctx context.Context, d v1.Descriptor, companions []v1.Descriptor, depth int) error {
	if !manifest.Is(d.MediaType) {
		r.entries = append(r.entries, Entry{Descriptor: d})
		return nil
	}
	child, err := read(ctx, r.src, d)
	if err != nil {
		return err
	}
	if child.Index != nil {
		return r.index(ctx, child, depth+1)
	}
	p, err := configPlatform(ctx, r.src, child)
	if err != nil {
		return err
	}
	r.entries = append(r.entries, Entry{Descriptor: d, Platform: p, Attestations: companions})
	return nil
}

// isCompanion reports whether d speaks of another entry instead of being one.
func isCompanion(d v1.Descriptor) bool {
	return d.Annotations[annotationSubject] != ""
}

// attestations returns the entries of doc that speak of others, by whom they speak of.
func attestations(doc *manifest.Doc) map[string][]v1.Descriptor {
	found := map[string][]v1.Descriptor{}
	for _, d := range doc.Index.Manifests {
		if subject := d.Annotations[annotationSubject]; subject != "" {
			found[subject] = append(found[subject], d)
		}
	}
	return found
}

func configPlatform(ctx context.Context, src opener, doc *manifest.Doc) (arch.Platform, error) {
	if !doc.IsRunnable() {
		return arch.Platform{}, nil
	}
	d := doc.Image.Config
	raw, err := blob.ReadAll(ctx, from(src, d), d, manifest.MaxConfigBytes)
	if err != nil {
		return arch.Platform{}, fmt.Errorf("reading config %s: %w", d.Digest, err)
	}
	c, err := manifest.ParseConfig(raw)
	if err != nil {
		return arch.Platform{}, err
	}
	return arch.FromV1(c.Platform()), nil
}

func read(ctx context.Context, src opener, d v1.Descriptor) (*manifest.Doc, error) {
	raw, err := blob.ReadAll(ctx, from(src, d), d, manifest.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", d.Digest, err)
	}
	return manifest.Parse(d, raw)
}

// from opens small documents, which are always read from their start.
func from(src opener, d v1.Descriptor) blob.Opener {
	return func(ctx context.Context, _, _ int64) (io.ReadCloser, error) { return src.Open(ctx, d) }
}

// Choose returns what is left of root when only the chosen entries count: root
// itself if those are all, the image itself if it is one, else a new index of
// exactly those with their attestations, whose annotation has root's digest.
// entries are those of [Platforms], chosen are indexes into them.
func Choose(ctx context.Context, src opener, root *manifest.Doc, entries []Entry, chosen []int) (*manifest.Doc, error) {
	switch {
	case len(chosen) == 0:
		return nil, errors.New("choosing platforms: none is chosen")
	case len(chosen) == len(entries):
		return root, nil
	case len(chosen) == 1:
		return read(ctx, src, entries[chosen[0]].Descriptor)
	}
	idx := *root.Index
	idx.Manifests = nil
	idx.Annotations = maps.Clone(idx.Annotations)
	if idx.Annotations == nil {
		idx.Annotations = map[string]string{}
	}
	idx.Annotations[AnnotationOrigin] = root.Descriptor.Digest.String()
	idx.MediaType = root.Descriptor.MediaType
	var companions []v1.Descriptor
	for _, i := range chosen {
		idx.Manifests = append(idx.Manifests, entries[i].Descriptor)
		companions = append(companions, entries[i].Attestations...)
	}
	idx.Manifests = append(idx.Manifests, companions...)
	raw, err := json.Marshal(idx)
	if err != nil {
		return nil, fmt.Errorf("choosing platforms: %w", err)
	}
	return manifest.New(raw)
}
