package bundle

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// An update is one image as it travels, read from an artifact.
type update struct {
	document
	carried []v1.Descriptor
	recipes map[v1.Hash]recipe // by what they make
}

// A recipe is one that was carried.
type recipe struct {
	how    v1.Descriptor
	target v1.Hash
	size   int64
	bases  []v1.Hash
}

// isUpdate reports whether d describes an artifact that an image travels as.
func isUpdate(d v1.Descriptor) bool { return d.ArtifactType == UpdateType }

// readUpdate reads the artifact d of src, and takes what it reads from left.
func readUpdate(ctx context.Context, src place.Source, d v1.Descriptor, left *int64) (*update, error) {
	if err := take(left, d.Size); err != nil {
		return nil, err
	}
	doc, err := place.ReadManifest(ctx, src, d)
	if err != nil {
		return nil, err
	}
	return readArtifact(ctx, src, doc, left)
}

// take takes n from the bytes that are left.
func take(left *int64, n int64) error {
	if *left -= n; *left < 0 {
		return fmt.Errorf("more than %d bytes of updates: %w", maxUpdateBytes, place.ErrInvalid)
	}
	return nil
}

// readArtifact reads the document of an artifact.
func readArtifact(ctx context.Context, src place.Source, doc *manifest.Doc, left *int64) (*update, error) {
	if doc.Image == nil || doc.Image.ArtifactType != UpdateType || len(doc.Image.Layers) == 0 {
		return nil, fmt.Errorf("%s is no update: %w", doc.Descriptor.Digest, place.ErrInvalid)
	}
	body := doc.Image.Layers[0]
	if err := checkType(body.MediaType, DocumentType); err != nil {
		return nil, fmt.Errorf("update document %s: %w", body.Digest, err)
	}
	if err := take(left, body.Size); err != nil {
		return nil, err
	}
	raw, err := blob.ReadAll(ctx, place.Opener(src, body), body, maxDocumentBytes)
	if err != nil {
		return nil, fmt.Errorf("reading update document %s: %w", body.Digest, place.Explain(ctx, src, body, err))
	}
	u, err := parseUpdate(doc.Image, raw)
	if err != nil {
		return nil, fmt.Errorf("update document %s: %w", body.Digest, err)
	}
	return u, nil
}

// parseUpdate puts together what the artifact and its document say.
func parseUpdate(artifact *v1.Manifest, raw []byte) (*update, error) {
	u := &update{recipes: map[v1.Hash]recipe{}}
	if len(raw) > maxDocumentBytes {
		return nil, fmt.Errorf("%d bytes, more than the %d allowed: %w", len(raw), maxDocumentBytes, place.ErrInvalid)
	}
	if err := manifest.Decode(raw, &u.document); err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	if err := checkType(u.MediaType, DocumentType); err != nil {
		return nil, err
	}
	err := u.addLayers(artifact.Layers[1:])
	if err == nil {
		err = u.check(artifact.Subject)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return u, nil
}

func (u *update) addLayers(layers []v1.Descriptor) error {
	for _, d := range layers {
		u.carried = append(u.carried, v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest})
		if d.Annotations[annotationTarget] == "" {
			continue
		}
		r, err := parseRecipe(d)
		if err != nil {
			return err
		}
		if _, ok := u.recipes[r.target]; ok {
			return fmt.Errorf("there are two recipes for %s", r.target)
		}
		u.recipes[r.target] = r
	}
	return nil
}

func parseRecipe(d v1.Descriptor) (recipe, error) {
	r := recipe{how: v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}}
	var err error
	if r.target, err = v1.NewHash(d.Annotations[annotationTarget]); err != nil {
		return r, fmt.Errorf("recipe %s: %w", d.Digest, err)
	}
	r.size, err = strconv.ParseInt(d.Annotations[annotationTargetSize], 10, 64)
	if err == nil {
		err = manifest.CheckDescriptor(v1.Descriptor{Digest: r.target, Size: r.size})
	}
	if err != nil {
		return r, fmt.Errorf("recipe %s: size: %w", d.Digest, err)
	}
	for _, s := range strings.Fields(d.Annotations[annotationBases]) {
		h, err := v1.NewHash(s)
		if err != nil {
			return r, fmt.Errorf("recipe %s: %w", d.Digest, err)
		}
		if slices.Contains(r.bases, h) || len(r.bases) == maxRecipeBases {
			return r, fmt.Errorf("recipe %s: more than %d bases, or one twice", d.Digest, maxRecipeBases)
		}
		r.bases = append(r.bases, h)
	}
	return r, nil
}

// check holds what the document says against what is carried.
func (u *update) check(subject *v1.Descriptor) error {
	root := u.Root
	switch {
	case subject == nil:
		return fmt.Errorf("the artifact has no subject")
	case subject.Digest != root.Digest || subject.Size != root.Size || subject.MediaType != root.MediaType:
		return fmt.Errorf("it is of %s, its artifact of %s", root.Digest, subject.Digest)
	case !manifest.Is(root.MediaType):
		return fmt.Errorf("%.100q is no image", root.MediaType)
	case len(u.Needs) > manifest.MaxChildren:
		return fmt.Errorf("it needs %d blobs, more than the %d that an image has", len(u.Needs), manifest.MaxChildren)
	case len(u.Names) > maxImageNames:
		return fmt.Errorf("%d names of one image", len(u.Names))
	}
	for _, n := range u.Names {
		if n == "" || len(n) > maxNameBytes {
			return fmt.Errorf("a name of %d bytes", len(n))
		}
	}
	carried := map[v1.Hash]bool{}
	for _, d := range u.carried {
		carried[d.Digest] = true
	}
	if !carried[root.Digest] {
		return fmt.Errorf("the manifest %s of the image is not in it", root.Digest)
	}
	needs := map[v1.Hash]bool{}
	for _, b := range u.Needs {
		if err := b.check(); err != nil {
			return err
		}
		if carried[b.Digest] || needs[b.Digest] {
			return fmt.Errorf("%s is named twice", b.Digest)
		}
		needs[b.Digest] = true
	}
	return u.checkRecipes(needs, carried)
}

func (u *update) checkRecipes(needs, carried map[v1.Hash]bool) error {
	for h, r := range u.recipes {
		if needs[h] || carried[h] {
			return fmt.Errorf("%s is named twice", h)
		}
		for _, base := range r.bases {
			if !needs[base] {
				return fmt.Errorf("the recipe for %s takes %s, which is not among what is needed", h, base)
			}
		}
	}
	return nil
}
