package layers

import (
	"context"
	"fmt"
	"maps"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Part is an image, or an index of several, that goes into an index.
type Part struct {
	Source place.Source
	Root   v1.Descriptor
	Name   string // for messages
}

// IndexOptions say what an index is to be like.
type IndexOptions struct {
	Options                   // Platforms choose among the images of the parts
	Annotations      []string // NAME=VALUE, of the index
	UnsetAnnotations []string
	NoAttestations   bool
}

// A DuplicateError says that two images of an index are for one platform.
type DuplicateError struct {
	Platform string
	Digests  [2]v1.Hash
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("two images are for %s: %s and %s", e.Platform, e.Digests[0], e.Digests[1])
}

// Hint says what to do about it.
func (e *DuplicateError) Hint() string {
	return "remove one first, or choose platforms with --platform"
}

// JoinIndex makes an index of the images of parts, each with its attestations. Platforms
// are those that the configs name; an index that says otherwise is refused, as are two
// images for one platform. The annotations are those of base, which is nil or an
// index or image that parts are added to.
func (b *Bench) JoinIndex(ctx context.Context, base *Part, parts []Part, o IndexOptions) (*Result, error) {
	j := &joiner{b: b, o: o, seen: map[string]v1.Hash{}, idx: v1.IndexManifest{SchemaVersion: 2}, docker: true}
	res := &Result{}
	if base != nil {
		all := o
		all.Platforms = arch.Selection{}
		if err := j.add(ctx, *base, all, true); err != nil {
			return nil, fmt.Errorf("%s: %w", base.Name, err)
		}
		res.Origin = base.Root
	}
	for _, p := range parts {
		if err := j.add(ctx, p, o, false); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return res, j.finish(res, fmt.Sprintf("an index of %d images", j.images))
}

// CutIndex makes an index of those images of the index part that keep wants, each with
// its attestations.
func (b *Bench) CutIndex(ctx context.Context, part Part, o IndexOptions, keep func(image.Entry) bool) (*Result, error) {
	j := &joiner{b: b, o: o, seen: map[string]v1.Hash{}, idx: v1.IndexManifest{SchemaVersion: 2}, docker: true, keep: keep}
	if err := j.add(ctx, part, o, true); err != nil {
		return nil, fmt.Errorf("%s: %w", part.Name, err)
	}
	if j.images == 0 {
		return nil, fmt.Errorf("%s: nothing would be left: %w", part.Name, place.ErrNotFound)
	}
	res := &Result{Origin: part.Root}
	return res, j.finish(res, fmt.Sprintf("%d of %d images", j.images, j.of))
}

// A joiner makes an index.
type joiner struct {
	b          *Bench
	o          IndexOptions
	keep       func(image.Entry) bool // nil keeps all
	idx        v1.IndexManifest
	companions []v1.Descriptor
	seen       map[string]v1.Hash // by platform
	docker     bool               // all so far have Docker's types
	images, of int
}

// add takes in the images of p; of a base as they are, with its annotations.
func (j *joiner) add(ctx context.Context, p Part, o IndexOptions, base bool) error {
	doc, err := place.ReadManifest(ctx, p.Source, p.Root)
	if err != nil {
		return err
	}
	entries, err := image.Platforms(ctx, p.Source, doc)
	if err != nil {
		return err
	}
	if base && doc.Index != nil {
		j.idx.Annotations, j.idx.ArtifactType, j.idx.Subject = maps.Clone(doc.Index.Annotations), doc.Index.ArtifactType, doc.Index.Subject
		j.docker = doc.Descriptor.MediaType == types.DockerManifestList
	}
	chosen, err := o.choose(entries)
	if err != nil {
		return err
	}
	for _, i := range chosen {
		j.of++
		if j.keep != nil && !j.keep(entries[i]) {
			continue
		}
		if err := j.entry(ctx, p, entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (j *joiner) entry(ctx context.Context, p Part, e image.Entry) error {
	j.images++
	d := e.Descriptor
	if err := j.route(ctx, p, d); err != nil {
		return err
	}
	if !d.MediaType.IsImage() || e.Platform.OS == "" {
		j.idx.Manifests = append(j.idx.Manifests, d)
		return nil
	}
	img, err := readImage(ctx, p.Source, e)
	if err != nil {
		return err
	}
	platform, err := agreed(e, img)
	if err != nil {
		return err
	}
	key := platform.Normalize().String()
	if other, ok := j.seen[key]; ok && other != d.Digest {
		return &DuplicateError{key, [2]v1.Hash{other, d.Digest}}
	} else if ok {
		j.images--
		return nil
	}
	j.seen[key] = d.Digest
	v := platform.ToV1()
	d.Platform, d.Data = &v, nil
	j.docker = j.docker && d.MediaType == types.DockerManifestSchema2
	j.idx.Manifests = append(j.idx.Manifests, d)
	if j.o.NoAttestations {
		return nil
	}
	for _, a := range e.Attestations {
		if err := j.route(ctx, p, a); err != nil {
			return err
		}
		j.companions = append(j.companions, a)
	}
	return nil
}

// agreed is the platform that index and config agree on.
func agreed(e image.Entry, img *Image) (arch.Platform, error) {
	config := arch.FromV1(img.Config.Platform())
	if config.OS == "" || config.Architecture == "" {
		return config, fmt.Errorf("the config of %s names no platform: %w", e.Descriptor.Digest, place.ErrInvalid)
	}
	if e.Descriptor.Platform == nil {
		return config, nil
	}
	said, is := e.Platform.Normalize(), config.Normalize()
	if e.Platform.Variant == "" || config.Variant == "" {
		said.Variant, is.Variant = "", ""
	}
	if said.OS != is.OS || said.Architecture != is.Architecture || said.Variant != is.Variant {
		return config, &labelError{e.Descriptor.Digest, e.Platform.Short(), config.Short()}
	}
	return e.Platform, nil
}

// A labelError says that an index and a config do not agree.
type labelError struct {
	digest        v1.Hash
	index, config string
}

func (e *labelError) Error() string {
	return fmt.Sprintf("%s: the index says %s, its config %s", e.digest, e.index, e.config)
}
func (e *labelError) Unwrap() error { return place.ErrInvalid }

// Hint says how to find out which is right.
func (e *labelError) Hint() string { return "dray verify says which of them is right" }

// route sees to it that d, and all below it, is found.
func (j *joiner) route(ctx context.Context, p Part, d v1.Descriptor) error {
	if p.Source == j.b.src {
		return nil
	}
	j.b.route(p.Source, d)
	if !manifest.Is(d.MediaType) {
		return nil
	}
	doc, err := place.ReadManifest(ctx, p.Source, d)
	if err != nil {
		return err
	}
	for _, c := range doc.Children() {
		if err := j.route(ctx, p, c); err != nil {
			return err
		}
	}
	return nil
}

// finish keeps the index.
func (j *joiner) finish(res *Result, why string) error {
	for _, kv := range j.o.Annotations {
		k, v, _ := strings.Cut(kv, "=")
		if j.idx.Annotations == nil {
			j.idx.Annotations = map[string]string{}
		}
		j.idx.Annotations[k] = v
	}
	for _, k := range j.o.UnsetAnnotations {
		delete(j.idx.Annotations, k)
	}
	j.idx.Manifests = append(j.idx.Manifests, j.companions...)
	j.idx.MediaType = types.OCIImageIndex
	if j.docker && len(j.idx.Annotations) == 0 && len(j.companions) == 0 {
		j.idx.MediaType = types.DockerManifestList
	}
	root, err := j.b.put(j.idx)
	if err != nil {
		return err
	}
	res.Root = root
	if root.Digest != res.Origin.Digest {
		res.Changes = append(res.Changes, Change{What: "index", Old: res.Origin.Digest, New: root.Digest, OldSize: res.Origin.Size, NewSize: root.Size, Why: why})
	}
	return nil
}

// Entries returns the images of root, which may be an index or one image.
func Entries(ctx context.Context, src place.Source, root v1.Descriptor) ([]image.Entry, error) {
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return nil, err
	}
	return image.Platforms(ctx, src, doc)
}
