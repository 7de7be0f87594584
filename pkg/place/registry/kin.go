package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A TagError says that a tag of cosign stands for something at the registry that would
// be lost if it were written.
type TagError struct{ Tag string }

func (e *TagError) Error() string {
	return e.Tag + " has signatures or attestations that the source has not"
}

// Hint says how to leave it alone.
func (e *TagError) Hint() string {
	return "--no-referrers leaves the tag as it is; delete the tag to have the source's alone"
}

// commitReferrer makes root, which belongs to an image, findable: from its subject, or
// under the tags ids, which are cosign's.
func (r *Repo) commitReferrer(ctx context.Context, m *remote, root v1.Descriptor, ids []string) error {
	if len(ids) == 0 && m.host.referrers.Load() == hasReferrers {
		return nil
	}
	kept, err := r.kept(ctx, m, root)
	if err != nil {
		return err
	}
	doc, err := manifest.Parse(kept.d, kept.raw)
	if err != nil {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	if err := r.ensureListed(ctx, m, doc); err != nil {
		return err
	}
	for _, id := range ids {
		if id == kept.d.Digest.String() {
			continue
		}
		if done, err := r.standsFor(ctx, m, id, doc); err != nil {
			return err
		} else if done {
			continue
		}
		if _, err := r.putManifest(ctx, m, kept.d, kept.raw, id); err != nil {
			return fmt.Errorf("writing %s: %w", r.label(id), err)
		}
	}
	return nil
}

// standsFor reports whether all that doc has stands under the tag already: cosign adds
// each signature to those that stand there, so that there may be more. It is a
// *TagError if more would be lost.
func (r *Repo) standsFor(ctx context.Context, m *remote, tag string, doc *manifest.Doc) (bool, error) {
	d, err := r.resolve(ctx, m, tag, false)
	switch {
	case errors.Is(err, place.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading %s: %w", r.label(tag), err)
	case d.Digest == doc.Descriptor.Digest:
		return true, nil
	}
	kept, err := r.fetch(ctx, m, d)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", r.label(tag), err)
	}
	there, err := manifest.Parse(kept.d, kept.raw)
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	case hasLayers(there, doc):
		return true, nil
	case hasLayers(doc, there):
		return false, nil
	}
	return false, &TagError{Tag: r.label(tag)}
}

// hasLayers reports whether a has all layers of b: of a signature, the payload is the
// content, which many signatures share, and the signature itself an annotation.
func hasLayers(a, b *manifest.Doc) bool {
	if a.Image == nil || b.Image == nil {
		return false
	}
	return !slices.ContainsFunc(b.Image.Layers, func(l v1.Descriptor) bool {
		return !slices.ContainsFunc(a.Image.Layers, func(o v1.Descriptor) bool {
			return o.Digest == l.Digest && maps.Equal(o.Annotations, l.Annotations)
		})
	})
}
