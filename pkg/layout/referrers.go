package layout

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// annotationReferrers holds, on an index.json, the descriptors of what belongs to its
// images, as a JSON list. They are no entries of the index, since Podman, skopeo and
// others take a layout with more than one entry for one with several images, and an
// annotation stays when they add an image. See docs/archives.md.
const annotationReferrers = "io.dray.referrers"

// parseKin takes what belongs to images out of the annotation.
func (x *Index) parseKin() error {
	raw := x.doc.Annotations[annotationReferrers]
	if raw == "" {
		return nil
	}
	var list []v1.Descriptor
	err := manifest.Decode([]byte(raw), &list)
	for _, d := range list {
		if err == nil {
			err = checkKin(d)
		}
		x.kin.append(d)
	}
	if err != nil {
		return fmt.Errorf("%w: parsing index.json: %s: %w", place.ErrInvalid, annotationReferrers, err)
	}
	x.doc.Annotations = maps.Clone(x.doc.Annotations)
	delete(x.doc.Annotations, annotationReferrers)
	return nil
}

func checkKin(d v1.Descriptor) error {
	if _, err := v1.NewHash(d.Annotations[place.AnnotationSubject]); err != nil {
		return fmt.Errorf("%s belongs to nothing: %w", d.Digest, err)
	}
	if !manifest.Is(d.MediaType) {
		return fmt.Errorf("%s is %q, no manifest", d.Digest, d.MediaType)
	}
	return manifest.CheckDescriptor(d)
}

// marshalKin puts what belongs to images into an annotation of doc; equal content
// gives equal bytes.
func (x *Index) marshalKin(doc *v1.IndexManifest) error {
	if len(x.kin.entries) == 0 {
		return nil
	}
	list := make([]v1.Descriptor, 0, len(x.kin.entries))
	for _, e := range entries(x.kin.all()) {
		list = append(list, e.Root)
	}
	raw, err := json.Marshal(list)
	doc.Annotations = maps.Clone(doc.Annotations)
	if doc.Annotations == nil {
		doc.Annotations = map[string]string{}
	}
	doc.Annotations[annotationReferrers] = string(raw)
	return err
}

// isTagged reports whether d is no image by its name: what belongs to one, put among
// the images by another tool.
func isTagged(d v1.Descriptor) bool {
	_, cosign, ok := manifest.SubjectOf(d.Annotations[AnnotationRefName])
	return ok && (cosign || d.MediaType.IsIndex())
}

// ListReferrers returns what belongs to images, also what another tool has put among
// them under a tag, as [Index.List] has it.
func (x *Index) ListReferrers() []place.Entry {
	others := slices.DeleteFunc(x.all(), func(d v1.Descriptor) bool { return !isTagged(d) })
	return entries(append(x.kin.all(), others...))
}

// RemoveReferrers removes what belongs to images that keep does not know, and
// reports whether that was anything.
func (x *Index) RemoveReferrers(keep func(v1.Descriptor) bool) bool {
	before := len(x.kin.entries)
	maps.DeleteFunc(x.kin.entries, func(_ int, d v1.Descriptor) bool { return !keep(d) })
	return len(x.kin.entries) < before
}

// A Read reads the manifest d of the layout.
type Read func(ctx context.Context, d v1.Descriptor) (*manifest.Doc, error)

// Referrers returns what belongs to subject, as a [place.Referrer] does: what was
// added so and, if there is a read, what other tools have put among the images: under
// the tags of cosign, in a list under the tag of the distribution specification (as
// regctl), or without a name but with a subject (as oras).
func (x *Index) Referrers(ctx context.Context, subjectOf v1.Hash, read Read) ([]v1.Descriptor, error) {
	list := x.kin.find(key{subject, subjectOf.String()})
	if read == nil {
		return list, nil
	}
	for _, tag := range manifest.CosignTags(subjectOf) {
		list = append(list, x.find(key{tagged, tag})...)
	}
	for _, d := range x.find(key{tagged, manifest.ReferrersTag(subjectOf)}) {
		if !d.MediaType.IsIndex() {
			continue
		}
		doc, err := read(ctx, d)
		if err != nil {
			return nil, err
		}
		list = append(list, doc.Index.Manifests...)
	}
	bySubject, err := x.found.bySubject(ctx, x, read)
	return append(list, bySubject[subjectOf]...), err
}

// foreign is what entries without a name have for their subject.
type foreign struct {
	mu    sync.Mutex
	found map[v1.Hash][]v1.Descriptor
}

// maxForeignBytes bounds what is read for it: 6 KB of each of 10,000.
const maxForeignBytes = 64 << 20

// bySubject reads the entries without a name, once. What cannot be read has no
// subject.
func (f *foreign) bySubject(ctx context.Context, x *Index, read Read) (map[v1.Hash][]v1.Descriptor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found != nil {
		return f.found, nil
	}
	found, left := map[v1.Hash][]v1.Descriptor{}, int64(maxForeignBytes)
	for _, d := range x.all() {
		if Name(d) != "" || !manifest.Is(d.MediaType) || d.Size > left {
			continue
		}
		left -= d.Size
		doc, err := read(ctx, d)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err == nil && doc.Subject() != nil:
			s := doc.Subject().Digest
			found[s] = append(found[s], doc.AsReferrer())
		}
	}
	f.found = found
	return found, nil
}
