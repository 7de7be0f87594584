package bundle

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A draft turns the plan of images into the plan of an update.
type draft struct {
	in      place.Plan
	o       Options
	planned map[v1.Hash]bool // what is there to be carried
	diffIDs map[v1.Hash]*v1.Hash
	origins map[v1.Hash][]origin

	settled   map[v1.Hash]settled
	artifacts map[v1.Hash]v1.Descriptor
	left      map[v1.Hash]bool
	made      map[v1.Hash]*Recipe
	summary   Summary
	out       place.Plan
}

// settled is how one blob travels.
type settled struct {
	carried []v1.Descriptor // it, a recipe for it, or nothing
	needs   []Blob
	likely  bool // it may turn out to be a recipe
}

func newDraft(p place.Plan, o Options) *draft {
	d := &draft{
		in: p, o: o, planned: map[v1.Hash]bool{}, diffIDs: map[v1.Hash]*v1.Hash{}, origins: map[v1.Hash][]origin{}, settled: map[v1.Hash]settled{},
		artifacts: map[v1.Hash]v1.Descriptor{}, left: map[v1.Hash]bool{}, made: map[v1.Hash]*Recipe{},
	}
	for _, b := range p.Blobs {
		d.planned[b.Digest] = true
	}
	d.out = place.Plan{Docs: map[v1.Hash][]byte{}, Content: p.Content}
	return d
}

func (d *draft) fill(ctx context.Context) error {
	for _, b := range d.in.Blobs {
		if doc, err := d.parse(b); err != nil {
			return err
		} else if doc != nil && doc.Image != nil {
			config := d.in.Docs[doc.Image.Config.Digest]
			for h, id := range diffIDs(doc, config) {
				d.diffIDs[h] = id
			}
			for h, o := range origins(doc, config) {
				d.origins[h] = append(d.origins[h], o)
			}
		}
	}
	needed := map[v1.Hash]Blob{}
	for _, b := range d.in.Blobs {
		s, err := d.settle(ctx, b)
		if err != nil {
			return err
		}
		d.settled[b.Digest] = s
		d.count(b, s, needed)
	}
	for _, b := range needed {
		d.summary.Needed++
		d.summary.NeededBytes += b.Size
	}
	return d.roots()
}

// parse returns the manifest or index b; nil if it is something else.
func (d *draft) parse(b v1.Descriptor) (*manifest.Doc, error) {
	if !manifest.Is(b.MediaType) {
		return nil, nil
	}
	raw, ok := d.in.Docs[b.Digest]
	if !ok {
		return nil, fmt.Errorf("manifest %s: %w", b.Digest, place.ErrNotFound)
	}
	return manifest.Parse(v1.Descriptor{MediaType: b.MediaType, Size: b.Size, Digest: b.Digest}, raw)
}

// settle decides how b travels: manifests always do.
func (d *draft) settle(ctx context.Context, b v1.Descriptor) (settled, error) {
	plain := v1.Descriptor{MediaType: b.MediaType, Size: b.Size, Digest: b.Digest}
	whole := settled{carried: []v1.Descriptor{plain}}
	if manifest.Is(b.MediaType) {
		return whole, nil
	}
	id := d.diffIDs[b.Digest]
	if known, ok := d.o.Have.Blob(b); ok {
		if known.DiffID == nil {
			known.DiffID = id
		}
		known.MediaType = b.MediaType
		return settled{needs: []Blob{known}}, nil
	}
	if d.in.Content == nil {
		return whole, nil
	}
	want := Wanted{
		Blob: Blob{Digest: b.Digest, Size: b.Size, MediaType: b.MediaType, DiffID: id},
		Open: d.in.Content(b), Have: d.o.Have, origins: d.origins[b.Digest],
	}
	if d.o.Recipe == nil {
		var err error
		if d.o.Likely != nil {
			whole.likely, err = d.o.Likely(ctx, want)
		}
		return whole, err
	}
	r, err := d.o.Recipe(ctx, want)
	if err != nil || r == nil {
		return whole, err
	}
	return d.cook(b, r)
}

// cook has b travel as r.
func (d *draft) cook(b v1.Descriptor, r *Recipe) (settled, error) {
	var s settled
	bases := make([]string, 0, len(r.Bases))
	for _, h := range r.Bases {
		base, ok := d.o.Have.blobs[h]
		if !ok {
			return s, fmt.Errorf("the recipe for %s takes %s, which the other side has not", b.Digest, h)
		}
		s.needs = append(s.needs, base)
		bases = append(bases, h.String())
	}
	how := v1.Descriptor{MediaType: r.Descriptor.MediaType, Size: r.Descriptor.Size, Digest: r.Descriptor.Digest}
	if how.MediaType == "" {
		how.MediaType = RecipeType
	}
	how.Annotations = map[string]string{
		annotationTarget:     b.Digest.String(),
		annotationTargetSize: strconv.FormatInt(b.Size, 10),
		annotationBases:      strings.Join(bases, " "),
	}
	d.made[how.Digest] = r
	s.carried = []v1.Descriptor{how}
	return s, nil
}

// count adds b to the summary, and to the plan what travels for it.
func (d *draft) count(b v1.Descriptor, s settled, needed map[v1.Hash]Blob) {
	d.summary.Blobs++
	d.summary.Bytes += b.Size
	for _, n := range s.needs {
		needed[n.Digest] = n
	}
	if len(s.carried) == 0 {
		d.summary.There++
		d.summary.ThereBytes += b.Size
	}
	if s.likely {
		d.summary.Likely++
		d.summary.LikelyBytes += b.Size
	}
	if len(s.carried) == 0 || s.carried[0].Digest != b.Digest {
		d.left[b.Digest] = true
	}
	for _, c := range s.carried {
		d.summary.Carried++
		d.summary.CarriedBytes += c.Size
		d.out.Blobs = append(d.out.Blobs, c)
		if raw, ok := d.in.Docs[c.Digest]; ok {
			d.out.Docs[c.Digest] = raw
		}
		if d.made[c.Digest] != nil {
			d.summary.Recipes++
			d.summary.RecipesBytes += c.Size
			d.summary.RecipesFor += b.Size
		}
	}
}

// roots makes the artifacts, one for each image.
func (d *draft) roots() error {
	names := map[v1.Hash][]string{}
	var roots []v1.Descriptor
	for _, r := range d.in.Roots {
		if _, ok := names[r.Descriptor.Digest]; !ok {
			roots = append(roots, r.Descriptor)
		}
		names[r.Descriptor.Digest] = append(names[r.Descriptor.Digest], r.Names...)
	}
	d.add(empty())
	for _, root := range roots {
		all := names[root.Digest]
		slices.Sort(all)
		all = slices.Compact(all)
		a, err := d.artifact(root, all)
		if err != nil {
			return fmt.Errorf("%s: %w", root.Digest, err)
		}
		d.add(a.document)
		d.add(a.manifest)
		d.artifacts[root.Digest] = a.manifest.d
		d.out.Roots = append(d.out.Roots, place.Root{Descriptor: a.manifest.d, Names: updateNames(all)})
		if root.Annotations[place.AnnotationSubject] == "" {
			d.summary.Images++
		}
	}
	return nil
}

func (d *draft) add(b doc) {
	d.out.Blobs = append(d.out.Blobs, b.d)
	d.out.Docs[b.d.Digest] = b.raw
}

// artifact makes the artifact of one image.
func (d *draft) artifact(root v1.Descriptor, names []string) (artifact, error) {
	said := document{Names: names, Root: root}
	said.Root.Data = nil
	var carried []v1.Descriptor
	seen := map[v1.Hash]bool{}
	var walk func(b v1.Descriptor) error
	walk = func(b v1.Descriptor) error {
		if seen[b.Digest] || !d.planned[b.Digest] {
			return nil
		}
		seen[b.Digest] = true
		s := d.settled[b.Digest]
		carried = append(carried, s.carried...)
		said.Needs = append(said.Needs, s.needs...)
		doc, err := d.parse(b)
		if err != nil || doc == nil {
			return err
		}
		for _, child := range doc.Children() {
			if err := walk(child); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(root); err != nil {
		return artifact{}, err
	}
	slices.SortFunc(said.Needs, func(a, b Blob) int { return compareHash(a.Digest, b.Digest) })
	said.Needs = slices.CompactFunc(said.Needs, func(a, b Blob) bool { return a.Digest == b.Digest })
	return newArtifact(said, carried)
}
