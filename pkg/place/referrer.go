package place

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
)

// AnnotationSubject marks a root that is no image of its own: it holds the digest of
// the manifest that the root belongs to, as a signature does. Such a root is planned,
// put and committed like any other, at a sink whose Traits say Referrers. It is not
// listed among the images, but found by a [Referrer].
const AnnotationSubject = "io.dray.subject"

// The annotations that say names: containerd reads the first, which holds a full
// name; the specification has the second, mostly a tag (image-spec: annotations.md).
const (
	AnnotationImageName = "io.containerd.image.name"
	AnnotationRefName   = "org.opencontainers.image.ref.name"
)

// A Referrer finds what belongs to an image: signatures, SBOMs, attestations
// (distribution-spec: Listing Referrers).
type Referrer interface {
	// Referrers returns the descriptors of the manifests whose subject is d, and of
	// those that stand under a tag that names d, as cosign's do: these have that tag
	// as AnnotationRefName, and where the full name is known that as
	// AnnotationImageName. Nothing is no error. Only Digest of d needs to be set.
	Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error)
}

// A ReferrerLister lists what belongs to images, as a [Lister] lists images. What has no
// name of its own stands under a full name with its digest, or "@" and the digest.
type ReferrerLister interface {
	// ListReferrers calls visit for each, until visit fails.
	ListReferrers(ctx context.Context, visit func(Entry) error) error
}

// Referrers returns what belongs to subject at src, each once; nothing where src is no
// [Referrer]. The descriptors are fit to be roots: of annotations they have
// AnnotationSubject alone, and AnnotationRefName if a tag says what they belong to. A
// place may hold several under the same tag, of images with several names: then the
// one of repository, a full name without tag, is returned.
func Referrers(ctx context.Context, src Source, subject v1.Descriptor, repository string) ([]v1.Descriptor, error) {
	r, ok := As[Referrer](src)
	if !ok {
		return nil, nil
	}
	list, err := r.Referrers(ctx, subject)
	if err != nil {
		return nil, err
	}
	tags := manifest.CosignTags(subject.Digest)
	var found []v1.Descriptor
	at := map[string]int{}
	for _, d := range list {
		if err := manifest.CheckDescriptor(d); err != nil {
			return nil, fmt.Errorf("what refers to %s: %w: %w", subject.Digest, ErrInvalid, err)
		}
		root := v1.Descriptor{
			MediaType: d.MediaType, Size: d.Size, Digest: d.Digest, ArtifactType: d.ArtifactType,
			Annotations: map[string]string{AnnotationSubject: subject.Digest.String()},
		}
		key := d.Digest.String()
		if tag := d.Annotations[AnnotationRefName]; slices.Contains(tags, tag) {
			root.Annotations[AnnotationRefName], key = tag, tag
		}
		if i, seen := at[key]; !seen {
			at[key] = len(found)
			found = append(found, root)
		} else if strings.HasPrefix(d.Annotations[AnnotationImageName], repository+":") {
			found[i] = root
		}
	}
	return found, nil
}
