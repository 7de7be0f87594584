package image_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

var arm = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}

func load(t testing.TB, cs ...placetest.Content) *mem.Place {
	t.Helper()
	p := new(mem.Place)
	for _, c := range cs {
		for _, d := range c.Order {
			if err := p.Put(context.Background(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

// index returns an index of entries that stands in p.
func index(t *testing.T, p *mem.Place, entries ...v1.Descriptor) *manifest.Doc {
	t.Helper()
	raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: entries})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := manifest.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(t.Context(), doc.Descriptor, blob.Bytes(raw)); err != nil {
		t.Fatal(err)
	}
	return doc
}

func names(entries []image.Entry) (s []string) {
	for _, e := range entries {
		s = append(s, fmt.Sprintf("%s+%d", e.Platform, len(e.Attestations)))
	}
	return s
}

func TestPlatforms(t *testing.T) {
	amd := placetest.Image(t, placetest.ImageSpec{})
	arm := placetest.Image(t, placetest.ImageSpec{Platform: arm})
	p := load(t, amd, arm)
	labelled := amd.Root
	labelled.Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	attestation := placetest.Image(t, placetest.ImageSpec{Seed: 3}).Root
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{"vnd.docker.reference.digest": amd.Root.Digest.String()}
	nested := index(t, p, arm.Root) // says nothing of the platform
	for name, tt := range map[string]struct {
		root *manifest.Doc
		want string
	}{
		"flat":     {index(t, p, labelled, attestation, arm.Root), "[linux/amd64+1 linux/arm64+0]"},
		"nested":   {index(t, p, labelled, nested.Descriptor), "[linux/amd64+0 linux/arm64+0]"},
		"empty":    {index(t, p), "[]"},
		"artifact": {index(t, p, v1.Descriptor{MediaType: "text/plain", Digest: amd.Root.Digest}), "[unknown+0]"},
	} {
		entries, err := image.Platforms(t.Context(), p, tt.root)
		if got := fmt.Sprint(names(entries)); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, tt.want)
		}
	}
	doc, err := place.ReadManifest(t.Context(), p, arm.Root)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := image.Platforms(t.Context(), p, doc)
	if got := fmt.Sprint(names(entries)); err != nil || got != "[linux/arm64+0]" {
		t.Errorf("single image: %s, %v", got, err)
	}
}

func TestChoose(t *testing.T) {
	c := placetest.Index(t, placetest.ImageSpec{}, placetest.ImageSpec{Platform: arm}, placetest.ImageSpec{Platform: v1.Platform{OS: "linux", Architecture: "s390x"}})
	p := load(t, c)
	root, err := place.ReadManifest(t.Context(), p, c.Root)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := image.Platforms(t.Context(), p, root)
	if err != nil {
		t.Fatal(err)
	}
	all, err := image.Choose(t.Context(), p, root, entries, []int{0, 1, 2})
	if err != nil || all.Descriptor.Digest != c.Root.Digest {
		t.Errorf("all: %v, %v", all, err)
	}
	one, err := image.Choose(t.Context(), p, root, entries, []int{1})
	if err != nil || one.Descriptor.Digest != entries[1].Descriptor.Digest {
		t.Errorf("one: %v, %v", one, err)
	}
	two, err := image.Choose(t.Context(), p, root, entries, []int{0, 2})
	if err != nil || len(two.Index.Manifests) != 2 || two.Index.Annotations[image.AnnotationOrigin] != c.Root.Digest.String() {
		t.Errorf("two: %+v, %v", two, err)
	}
	if root.Index.Annotations != nil {
		t.Error("the original was changed")
	}
	if none, err := image.Choose(t.Context(), p, root, entries, nil); err == nil {
		t.Errorf("none: %v", none)
	}
}

func ExamplePlatforms() {
	p := new(mem.Place)
	root, err := manifest.New([]byte(`{"schemaVersion":2,"manifests":[]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, err := image.Platforms(context.Background(), p, root)
	fmt.Println(len(entries), err)
	// Output: 0 <nil>
}
