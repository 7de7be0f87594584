package layers

import (
	"context"
	"errors"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Branch is a manifest, or other content, with what belongs to it. Its JSON form
// is part of dray's contract; strings in it come from outside.
type Branch struct {
	Kind         string        `json:"kind"` // index, image, artifact, attestation, config, layer, referrer
	Descriptor   v1.Descriptor `json:"descriptor"`
	Platform     string        `json:"platform,omitempty"`
	ArtifactType string        `json:"artifactType,omitempty"`
	Missing      bool          `json:"missing,omitempty"` // it is named, but not here
	Children     []*Branch     `json:"children,omitempty"`
	Referrers    []*Branch     `json:"referrers,omitempty"` // what belongs to it: signatures, SBOMs, attestations
}

// Tree returns everything below root: indexes, images, their configs and layers, and
// what refers to each of them where the place can tell.
func Tree(ctx context.Context, src place.Source, root v1.Descriptor) (*Branch, error) {
	g := &grower{src: src, seen: map[v1.Hash]bool{}}
	return g.manifest(ctx, root, "", 0)
}

type grower struct {
	src   place.Source
	seen  map[v1.Hash]bool
	count int
}

// manifest grows the branch of d. Each is followed once.
func (g *grower) manifest(ctx context.Context, d v1.Descriptor, kind string, depth int) (*Branch, error) {
	b := &Branch{Kind: kind, Descriptor: d, ArtifactType: d.ArtifactType}
	if p := arch.FromV1(d.Platform); p.OS != "" {
		b.Platform = p.String()
	}
	if g.count++; g.count > manifest.MaxChildren {
		return nil, errors.New("there are more manifests than anything honest has")
	}
	doc, err := place.ReadManifest(ctx, g.src, d)
	switch {
	case errors.Is(err, place.ErrNotFound) && depth > 0:
		b.Missing = true
		b.name(nil)
		return b, nil
	case err != nil:
		return nil, err
	}
	b.Descriptor.MediaType, b.Descriptor.Size = doc.Descriptor.MediaType, doc.Descriptor.Size
	b.name(doc)
	if g.seen[d.Digest] || depth > manifest.MaxNesting {
		return b, nil
	}
	g.seen[d.Digest] = true
	for i, c := range doc.Children() {
		kid, err := g.child(ctx, doc, c, i, depth)
		if err != nil {
			return nil, err
		}
		b.Children = append(b.Children, kid)
	}
	return b, g.referrers(ctx, b, depth)
}

func (g *grower) child(ctx context.Context, doc *manifest.Doc, c v1.Descriptor, i, depth int) (*Branch, error) {
	switch {
	case doc.Image != nil && i == 0:
		return &Branch{Kind: "config", Descriptor: c}, nil
	case doc.Image != nil, !manifest.Is(c.MediaType):
		return &Branch{Kind: "layer", Descriptor: c}, nil
	case c.Annotations["vnd.docker.reference.digest"] != "":
		return g.manifest(ctx, c, "attestation", depth+1)
	}
	return g.manifest(ctx, c, "", depth+1)
}

// name says what b is, where its parent did not.
func (b *Branch) name(doc *manifest.Doc) {
	switch {
	case b.Kind != "":
	case b.Descriptor.MediaType.IsIndex():
		b.Kind = "index"
	case doc != nil && !doc.IsRunnable():
		b.Kind = "artifact"
	default:
		b.Kind = "image"
	}
	if doc == nil || doc.Image == nil {
		return
	}
	switch b.ArtifactType = doc.Image.ArtifactType; { // what a list says of it need not be so
	case b.ArtifactType != "":
	case !doc.IsRunnable():
		b.ArtifactType = string(doc.Image.Config.MediaType)
	case len(doc.Image.Layers) > 0 && !doc.Image.Layers[0].MediaType.IsLayer(): // cosign's have the config of an image
		b.ArtifactType = string(doc.Image.Layers[0].MediaType)
	}
}

// referrers adds what belongs to b, and what belongs to that.
func (g *grower) referrers(ctx context.Context, b *Branch, depth int) error {
	found, err := place.Referrers(ctx, g.src, b.Descriptor, "")
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b v1.Descriptor) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
	for _, d := range found {
		d.Annotations = nil
		kid, err := g.manifest(ctx, d, "referrer", depth+1)
		if err != nil {
			return err
		}
		b.Referrers = append(b.Referrers, kid)
	}
	return nil
}
