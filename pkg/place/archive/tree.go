package archive

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A tree is the planned content, parsed as far as it is there.
type tree struct {
	blobs    []v1.Descriptor // in the order of the archive
	there    map[v1.Hash]bool
	docs     map[v1.Hash][]byte
	platform *v1.Platform
}

func newTree(p place.Plan, blobs []v1.Descriptor) *tree {
	t := &tree{blobs: blobs, there: map[v1.Hash]bool{}, docs: p.Docs, platform: p.Platform}
	for _, b := range blobs {
		t.there[b.Digest] = true
	}
	return t
}

// blobPath returns where d stands in an OCI layout.
func blobPath(d v1.Descriptor) string {
	return "blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex
}

// doc parses the manifest or index d; nil if it is not there (an index need not
// come with all its children), or not understood, which whoever planned has told.
func (t *tree) doc(d v1.Descriptor) *manifest.Doc {
	raw, ok := t.docs[d.Digest]
	if !ok || !t.there[d.Digest] || !manifest.Is(d.MediaType) {
		return nil
	}
	doc, err := manifest.Parse(d, raw)
	if err != nil {
		return nil
	}
	return doc
}

// An image is a runnable image with the platform that it is listed or made for.
type image struct {
	*manifest.Doc
	platform v1.Platform
}

// images returns the runnable images below d, each once, in the order in which
// they are listed.
func (t *tree) images(d v1.Descriptor) []image {
	w := walker{tree: t, seen: map[v1.Hash]bool{}}
	w.walk(d, 0)
	return w.found
}

type walker struct {
	*tree
	seen  map[v1.Hash]bool
	found []image
}

func (w *walker) walk(d v1.Descriptor, depth int) {
	if w.seen[d.Digest] || depth > manifest.MaxNesting || isAttestation(d) {
		return
	}
	w.seen[d.Digest] = true
	doc := w.doc(d)
	switch {
	case doc == nil:
	case doc.Index != nil:
		for _, child := range doc.Index.Manifests {
			w.walk(child, depth+1)
		}
	case doc.IsRunnable():
		if p, ok := w.platformOf(d, doc); ok {
			w.found = append(w.found, image{doc, p})
		}
	}
}

// platformOf returns what the index says or, without one, the config.
func (w *walker) platformOf(d v1.Descriptor, doc *manifest.Doc) (v1.Platform, bool) {
	if d.Platform != nil && d.Platform.OS != "" {
		return *d.Platform, w.docs[doc.Image.Config.Digest] != nil
	}
	c, err := manifest.ParseConfig(w.docs[doc.Image.Config.Digest])
	if err != nil {
		return v1.Platform{}, false
	}
	return v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}, true
}

// isAttestation reports whether an index lists d as what BuildKit says about an
// image, as opposed to an image.
func isAttestation(d v1.Descriptor) bool {
	return d.Annotations["vnd.docker.reference.type"] != "" ||
		d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// choose returns the image for want, else the one for linux/amd64, else the first
// for linux, else the first. What the machine is that this runs on has no say:
// the same command gives the same archive everywhere.
func choose(images []image, want *v1.Platform) (chosen image, asWanted bool) {
	wishes := []func(v1.Platform) bool{
		func(p v1.Platform) bool { return want != nil && isSame(p, *want) },
		func(p v1.Platform) bool { return p.OS == "linux" && p.Architecture == "amd64" },
		func(p v1.Platform) bool { return p.OS == "linux" },
		func(v1.Platform) bool { return true },
	}
	for i, ok := range wishes {
		for _, img := range images {
			if ok(img.platform) {
				return img, want == nil || i == 0
			}
		}
	}
	return image{}, true
}

func isSame(a, b v1.Platform) bool {
	return a.OS == b.OS && a.Architecture == b.Architecture && variant(a) == variant(b)
}

// variant returns the variant with its default said, as containerd has it.
func variant(p v1.Platform) string {
	switch {
	case p.Variant != "":
		return p.Variant
	case p.Architecture == "arm64":
		return "v8"
	case p.Architecture == "arm":
		return "v7"
	case p.Architecture == "amd64":
		return "v1"
	}
	return ""
}
