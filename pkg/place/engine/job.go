package engine

import (
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// An image is what one root of a plan is to an engine.
type image struct {
	root   v1.Descriptor
	config v1.Hash // zero for an index
	blobs  map[v1.Hash]bool
}

// images returns an image for each root of p, each digest once.
func images(p place.Plan, t place.Traits) ([]*image, error) {
	var all []*image
	for _, r := range p.Roots {
		if find(all, r.Descriptor) != nil {
			continue
		}
		i := &image{root: r.Descriptor, blobs: map[v1.Hash]bool{}}
		doc, err := i.walk(r.Descriptor, p.Docs)
		if err != nil {
			return nil, err
		}
		if doc.Image != nil {
			i.config = doc.Image.Config.Digest
		} else if t.NoIndex {
			return nil, fmt.Errorf("%s takes no index, and %s is one: %w", t.Kind, r.Descriptor.Digest, place.ErrUnsupported)
		}
		all = append(all, i)
	}
	return all, nil
}

func find(all []*image, root v1.Descriptor) *image {
	for _, i := range all {
		if i.root.Digest == root.Digest {
			return i
		}
	}
	return nil
}

// walk notes d, a manifest, and everything below it. Manifests that are not in
// docs do not travel.
func (i *image) walk(d v1.Descriptor, docs map[v1.Hash][]byte) (*manifest.Doc, error) {
	doc, err := manifest.Parse(d, docs[d.Digest])
	if err != nil {
		return nil, err
	}
	i.blobs[d.Digest] = true
	for _, c := range doc.Children() {
		if i.blobs[c.Digest] {
			continue
		}
		i.blobs[c.Digest] = true
		if _, ok := docs[c.Digest]; ok && manifest.Is(c.MediaType) {
			if _, err := i.walk(c, docs); err != nil {
				return nil, err
			}
		}
	}
	return doc, nil
}

// A job is one stream: what will be in it, and what is left to put.
type job struct {
	images []*image
	plan   place.Plan
	todo   []v1.Descriptor
}

// newJob returns what carries those images of p. It gives them no names.
func newJob(p place.Plan, images ...*image) *job {
	j := &job{images: images, plan: p}
	j.plan.Roots = nil
	for _, i := range images {
		j.plan.Roots = append(j.plan.Roots, place.Root{Descriptor: i.root})
	}
	j.plan.Blobs = slices.DeleteFunc(slices.Clone(p.Blobs), func(d v1.Descriptor) bool {
		return !slices.ContainsFunc(images, func(i *image) bool { return i.blobs[d.Digest] })
	})
	return j
}
