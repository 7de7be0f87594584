// Package layout is the OCI image layout (image-spec: image-layout.md): the
// words of its index.json, and its folder on disk. Layout folders, archives and
// the local store are all built on it.
package layout

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// The annotations by which an index.json names its images: containerd reads the
// first, which holds a full name; the specification has the second, which most
// tools fill with a tag, some with a full name.
const (
	AnnotationImageName = place.AnnotationImageName
	AnnotationRefName   = place.AnnotationRefName
)

// File is the content of the oci-layout file.
const File = `{"imageLayoutVersion":"1.0.0"}`

// An Index is the index.json of a layout: images, and apart from them what belongs
// to images (see [Index.Referrers]). It is not safe for concurrent use, but for
// reading alone.
type Index struct {
	doc   v1.IndexManifest // its Manifests are table's
	table                  // the images
	kin   table            // what was added with place.AnnotationSubject
	found foreign
}

// NewIndex returns an index without images.
func NewIndex() *Index {
	return newIndex(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}})
}

// ParseIndex parses an index.json of at most [manifest.MaxIndexBytes].
func ParseIndex(raw []byte) (*Index, error) {
	doc, err := manifest.ParseIndexFile(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	x := newIndex(*doc)
	return x, x.parseKin()
}

func newIndex(doc v1.IndexManifest) *Index {
	x := &Index{doc: doc, table: newTable(), kin: newTable()}
	for _, d := range doc.Manifests {
		x.append(d)
	}
	x.doc.Manifests = nil
	return x
}

// Add makes root stand under names, which it takes from whatever had them. With
// no names it stands under its digest alone, unless it has a name already.
// A full image name is written as containerd and as others want it; any other
// string only as the specification has it. A root with [place.AnnotationSubject]
// is added to what belongs to images.
func (x *Index) Add(root v1.Descriptor, names ...string) {
	if root.Annotations[place.AnnotationSubject] != "" {
		x.kin.add(root, names)
		return
	}
	x.table.add(root, names)
}

// named returns root with the annotations for name instead of any it had.
func named(root v1.Descriptor, name string) v1.Descriptor {
	a := maps.Clone(root.Annotations)
	delete(a, AnnotationImageName)
	delete(a, AnnotationRefName)
	if name != "" {
		if a == nil {
			a = map[string]string{}
		}
		a[AnnotationRefName] = name
		if n, ok := fullName(name); ok {
			a[AnnotationImageName] = n.Tagged()
			a[AnnotationRefName] = n.Tag
		}
	}
	root.Annotations, root.Data = a, nil
	return root
}

// fullName parses s if it says its registry, as opposed to a mere tag.
func fullName(s string) (ref.Name, bool) {
	if !strings.ContainsRune(s, '/') {
		return ref.Name{}, false
	}
	n, err := ref.ParseName(s)
	return n, err == nil && n.Tag != ""
}

// Name returns the name that d's annotations give it: the full image name if
// there is one, else what the specification's annotation holds, else "".
func Name(d v1.Descriptor) string {
	if n := d.Annotations[AnnotationImageName]; n != "" {
		return n
	}
	return d.Annotations[AnnotationRefName]
}

// Remove removes the name, and reports whether there was one.
func (x *Index) Remove(name string) bool {
	removed := x.table.remove(name)
	return x.kin.remove(name) || removed
}

// RemoveDigest removes all entries of the digest, named or not, and reports
// whether there were any.
func (x *Index) RemoveDigest(h v1.Hash) bool {
	removed := x.table.drop(key{digest, h.String()})
	return x.kin.drop(key{digest, h.String()}) || removed
}

// sameName reports whether a and b are one name, however they are written.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	na, oka := fullName(a)
	nb, errb := ref.ParseName(b)
	return oka && errb == nil && na.Tagged() == nb.Tagged()
}

// Pick returns the entry that image means: "" the only image there is,
// "@sha256:…" the one with that digest, a full name, or a tag. A name with a
// digest is found by the digest. The error wraps [place.ErrNotFound] or is a
// [*place.ChoiceError].
func (x *Index) Pick(image string) (v1.Descriptor, error) {
	name, _, _ := strings.Cut(image, "@")
	byRoot := map[v1.Hash]v1.Descriptor{}
	for _, d := range x.candidates(image) {
		if old, ok := byRoot[d.Digest]; !ok || !sameName(Name(old), name) {
			byRoot[d.Digest] = d
		}
	}
	switch len(byRoot) {
	case 0:
		if image == "" {
			return v1.Descriptor{}, fmt.Errorf("there is no image in it: %w", place.ErrNotFound)
		}
		return v1.Descriptor{}, fmt.Errorf("%.300q: %w", image, place.ErrNotFound)
	case 1:
		for _, d := range byRoot {
			return d, nil
		}
	}
	return v1.Descriptor{}, x.choice(image, byRoot)
}

// candidates returns the entries that image may mean, in the order in which they came.
func (x *Index) candidates(image string) []v1.Descriptor {
	if image == "" {
		return slices.DeleteFunc(x.all(), isTagged)
	}
	keys := []key{{called, image}, {tagged, image}}
	if _, h, ok := strings.Cut(image, "@"); ok {
		keys = []key{{digest, h}}
	} else if n, err := ref.ParseName(image); err == nil {
		keys = append(keys, key{called, n.Tagged()})
	}
	if found := x.find(keys...); len(found) > 0 {
		return found
	}
	return x.kin.find(keys...)
}

func (x *Index) choice(image string, byRoot map[v1.Hash]v1.Descriptor) error {
	e := &place.ChoiceError{Name: image}
	for _, entry := range x.List() {
		if _, ok := byRoot[entry.Root.Digest]; ok {
			e.Choices = append(e.Choices, entry.Name)
		}
	}
	return e
}

// List returns the images in order of their names; one without a name stands
// under "@" and its digest.
func (x *Index) List() []place.Entry {
	return entries(slices.DeleteFunc(x.all(), isTagged))
}

// entries returns all with their names, in the order of these.
func entries(all []v1.Descriptor) []place.Entry {
	list := make([]place.Entry, 0, len(all))
	for _, d := range all {
		e := place.Entry{Name: Name(d), Root: d}
		if e.Name == "" {
			e.Name = "@" + d.Digest.String()
		}
		list = append(list, e)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Marshal returns the bytes of the index.json; equal content gives equal bytes.
func (x *Index) Marshal() ([]byte, error) {
	doc := x.doc
	doc.Manifests = []v1.Descriptor{}
	for _, e := range entries(x.all()) {
		doc.Manifests = append(doc.Manifests, e.Root)
	}
	err := x.marshalKin(&doc)
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(doc)
	}
	if err != nil {
		return nil, fmt.Errorf("writing index.json: %w", err)
	}
	if len(raw) > manifest.MaxIndexBytes {
		return nil, fmt.Errorf("writing index.json: %d bytes, more than the %d allowed: too many images in one place", len(raw), manifest.MaxIndexBytes)
	}
	return raw, nil
}
