package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

func described(n int, annotations map[string]string) v1.Descriptor {
	return v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Size: int64(n), Annotations: annotations,
		Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(fmt.Sprintf("%02x", n), 32)},
	}
}

// TestNothingOfItIsAnEntry: other tools see the images and no more, and again after
// the index was read and written.
func TestNothingOfItIsAnEntry(t *testing.T) {
	image := described(1, nil)
	of := map[string]string{place.AnnotationSubject: image.Digest.String()}
	tag := manifest.CosignTags(image.Digest)[0]
	x := NewIndex()
	x.Add(image, "example.com/a:1")
	x.Add(described(2, of))
	x.Add(described(2, of))
	x.Add(described(3, of), "example.com/a:"+tag)
	x.Add(described(4, of), "example.com/b:"+tag)
	x.Add(described(5, of), "example.com/a:"+tag) // in place of 3
	for range 2 {
		raw, err := x.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var seen v1.IndexManifest
		if err := json.Unmarshal(raw, &seen); err != nil || len(seen.Manifests) != 1 {
			t.Fatalf("%s: %v", raw, err)
		}
		if x, err = ParseIndex(raw); err != nil {
			t.Fatal(err)
		}
		again, err := x.Marshal()
		if err != nil || string(again) != string(raw) {
			t.Errorf("%s\n%s\n%v", raw, again, err)
		}
		found, err := x.Referrers(t.Context(), image.Digest, nil)
		if err != nil || len(found) != 3 || found[0].Size != 2 || found[1].Annotations[AnnotationRefName] != tag {
			t.Errorf("%+v, %v", found, err)
		}
		if len(x.List()) != 1 || len(x.ListReferrers()) != 3 {
			t.Errorf("%+v", x.ListReferrers())
		}
		if only, err := x.Pick(""); err != nil || only.Size != 1 {
			t.Errorf("the only image: %v, %v", only, err)
		}
		if sig, err := x.Pick("example.com/b:" + tag); err != nil || sig.Size != 4 {
			t.Errorf("by its name: %v, %v", sig, err)
		}
	}
	if !x.Remove("example.com/b:"+tag) || !x.RemoveReferrers(func(v1.Descriptor) bool { return false }) {
		t.Error("nothing was removed")
	}
	raw, err := x.Marshal()
	if err != nil || strings.Contains(string(raw), "annotations\":{\"io.dray.referrers") {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestWhatOtherToolsPut finds it among the images, and leaves it there.
func TestWhatOtherToolsPut(t *testing.T) {
	image := described(1, map[string]string{AnnotationRefName: "1"})
	docs := map[v1.Hash]*manifest.Doc{}
	doc := func(v any) v1.Descriptor {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := manifest.New(raw)
		if err != nil {
			t.Fatal(err)
		}
		docs[doc.Descriptor.Digest] = doc
		return doc.Descriptor
	}
	subject := image
	subject.Annotations = nil
	nameless := doc(v1.Manifest{SchemaVersion: 2, Config: described(9, nil), Subject: &subject, ArtifactType: "a/b"})
	unrelated := doc(v1.Manifest{SchemaVersion: 2, Config: described(8, nil)})
	list := doc(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{described(7, nil)}})
	list.Annotations = map[string]string{AnnotationRefName: manifest.ReferrersTag(image.Digest)}
	signed := described(6, map[string]string{AnnotationRefName: manifest.CosignTags(image.Digest)[2]})
	lost := described(5, nil)
	raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{image, nameless, unrelated, list, signed, lost}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := ParseIndex(raw)
	if err != nil {
		t.Fatal(err)
	}
	reads := 0
	read := func(_ context.Context, d v1.Descriptor) (*manifest.Doc, error) {
		reads++
		if doc, ok := docs[d.Digest]; ok {
			return doc, nil
		}
		return nil, errors.New("lost")
	}
	for range 2 {
		found, err := x.Referrers(t.Context(), image.Digest, read)
		if err != nil || len(found) != 3 || found[0].Digest != signed.Digest || found[1].Size != 7 || found[2].ArtifactType != "a/b" {
			t.Errorf("%+v, %v", found, err)
		}
	}
	if reads != 5 { // the list twice, each of three without a name once
		t.Errorf("%d manifests were read", reads)
	}
	if n := len(x.List()); n != 4 {
		t.Errorf("%d images are listed", n)
	}
	again, err := x.Marshal()
	if err != nil || strings.Count(string(again), `"size"`) != 6 {
		t.Errorf("%s, %v", again, err)
	}
}

func TestBadReferrers(t *testing.T) {
	for _, list := range []string{
		`{}`, `[{}]`, `[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:../x"}]`,
		`[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:` + strings.Repeat("a", 64) + `"}]`,
		`[{"mediaType":"text/plain","size":1,"digest":"sha256:` + strings.Repeat("a", 64) + `","annotations":{"io.dray.subject":"sha256:` + strings.Repeat("a", 64) + `"}}]`,
	} {
		raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Annotations: map[string]string{annotationReferrers: list}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseIndex(raw); !errors.Is(err, place.ErrInvalid) {
			t.Errorf("%s: %v", list, err)
		}
	}
}
