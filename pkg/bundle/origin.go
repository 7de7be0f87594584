package bundle

import (
	"cmp"
	"context"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// An origin is where a layer stands in an image, by which the layer is found that
// was there before.
type origin struct {
	platform string
	step     string // the build step that made it, as the history tells it
	index    int    // counted from the lowest layer
}

// A candidate is a layer of the other side that others may be described by.
type candidate struct {
	Blob
	origins []origin
	same    bool // the same tar
}

// origins says of each layer of an image where it stands.
func origins(doc *manifest.Doc, config []byte) map[v1.Hash]origin {
	all := map[v1.Hash]origin{}
	if config == nil || doc.Image == nil || !doc.IsRunnable() {
		return all
	}
	c, err := manifest.ParseConfig(config)
	if err != nil {
		return all
	}
	var steps []string
	for _, h := range c.History {
		if !h.EmptyLayer {
			steps = append(steps, h.CreatedBy)
		}
	}
	for i, l := range doc.Image.Layers {
		o := origin{platform: c.OS + "/" + c.Architecture + "/" + c.Variant, index: i}
		if len(steps) == len(doc.Image.Layers) {
			o.step = steps[i]
		}
		all[l.Digest] = o
	}
	return all
}

// maxReads bounds how often places are asked for manifests to find bases.
const maxReads = 500

// originsOf reads the images of the other side, as far as they can be read here.
func originsOf(ctx context.Context, places []place.Source, have *Have) map[v1.Hash][]origin {
	known := map[v1.Hash][]origin{}
	reads := 0
	have.All(func(b Blob) bool {
		if !b.MediaType.IsImage() {
			return true
		}
		for _, p := range places {
			reads++
			doc, err := place.ReadManifest(ctx, p, b.Descriptor())
			if err != nil || doc.Image == nil {
				continue // it only helps to choose
			}
			raw, err := blob.ReadAll(ctx, place.Opener(p, doc.Image.Config), doc.Image.Config, manifest.MaxConfigBytes)
			if err != nil {
				continue
			}
			for h, o := range origins(doc, raw) {
				known[h] = append(known[h], o)
			}
			break
		}
		return reads < maxReads
	})
	return known
}

// How many bases one layer is described by, at most: each is read three times.
const maxChosen = 3

// choose returns the layers of the other side that want is likely made of, the likeliest first.
func (c *Describer) choose(ctx context.Context, want Wanted) ([]candidate, error) {
	if c.o.Whole {
		return nil, nil
	}
	if want.DiffID != nil {
		if same := want.Have.Unpacked(*want.DiffID); len(same) > 0 {
			return []candidate{{Blob: same[0], same: true}}, nil
		}
	}
	all, err := c.candidates(ctx, want.Have)
	if err != nil {
		return nil, err
	}
	type scored struct {
		candidate
		points float64
	}
	var likely []scored
	for _, b := range all {
		if p := b.points(want); p >= enoughPoints {
			likely = append(likely, scored{b, p})
		}
	}
	slices.SortFunc(likely, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.points, a.points), compareHash(a.Digest, b.Digest))
	})
	var chosen []candidate
	for _, s := range likely[:min(len(likely), maxChosen)] {
		chosen = append(chosen, s.candidate)
	}
	return chosen, nil
}

// enoughPoints is what a layer must have to be looked at.
const enoughPoints = 1

// points says how likely b is an old version of want.
func (b candidate) points(want Wanted) float64 {
	best := 0.0
	for _, o := range b.origins {
		for _, w := range want.origins {
			p := 0.0
			if o.step != "" && o.step == w.step {
				p += 4
			}
			if o.index == w.index {
				p++
			}
			if p += 0.5; o.platform != w.platform {
				p /= 4
			}
			best = max(best, p)
		}
	}
	// As large as the other: 1; half as large: 0.5.
	size := float64(min(b.Size, want.Size)) / float64(max(b.Size, want.Size, 1))
	if len(b.origins) == 0 || len(want.origins) == 0 {
		best = 0.5 // nobody knows
	}
	return best + size
}
