package placetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Signature returns an artifact with one layer that holds text. It belongs to
// subject, and says so itself; with a zero subject it is as cosign makes it, whose tag
// alone says so.
func Signature(t testing.TB, subject v1.Descriptor, text string) Content {
	t.Helper()
	c := Content{Bytes: map[v1.Hash][]byte{}}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	if subject.Digest.Hex != "" {
		m.Subject = &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest}
		m.ArtifactType = "application/vnd.example.sig"
		m.Config = c.add("application/vnd.oci.empty.v1+json", []byte("{}"))
	} else {
		m.Config = c.add(types.OCIConfigJSON, []byte(`{"os":"","architecture":"","rootfs":{"type":"layers","diff_ids":[]},"config":{}}`))
	}
	l := c.add("application/vnd.dev.cosign.simplesigning.v1+json", []byte(text))
	l.Annotations = map[string]string{"dev.cosignproject.cosign/signature": text}
	m.Layers = []v1.Descriptor{l}
	c.Root = c.add(m.MediaType, encode(t, m))
	return c
}

// referrers puts an image with what belongs to it, and finds it again.
func referrers(t *testing.T, d Doors) {
	s := d.Sink(t)
	if !s.Traits().Referrers || d.Source == nil {
		closed(t, s)
		t.Skip("it keeps none")
	}
	img := Image(t, ImageSpec{})
	tag := manifest.CosignTags(img.Root.Digest)[2]
	repository, _, full := strings.Cut(d.Name, ":")
	name := tag
	if full {
		name = repository + ":" + tag
	}
	bySubject, byTag := Signature(t, img.Root, "by subject"), Signature(t, v1.Descriptor{}, "by tag")
	plan := img.Plan(d.Name)
	plan.Blobs = slices.Clone(plan.Blobs)
	roots := []place.Root{root(bySubject, img), root(byTag, img, name), {Descriptor: img.Root, Names: []string{d.Name}}}
	plan.Roots = roots
	all := img
	all.Bytes = maps.Clone(img.Bytes)
	for _, c := range []Content{bySubject, byTag} {
		maps.Copy(plan.Docs, c.Plan().Docs)
		maps.Copy(all.Bytes, c.Bytes)
		plan.Blobs = append(plan.Blobs, c.Order...)
	}
	putPlan(t, s, plan, all.Bytes)
	closed(t, s)
	found := foundFrom(t, d, img.Root)
	if len(found) != 2 || found[0].Digest != bySubject.Root.Digest || found[1].Digest != byTag.Root.Digest {
		t.Fatalf("found %+v, want %s and %s", found, bySubject.Root.Digest, byTag.Root.Digest)
	}
	if found[0].Annotations[place.AnnotationRefName] != "" || found[1].Annotations[place.AnnotationRefName] != tag {
		t.Errorf("tags are wrong: %+v", found)
	}
}

func root(c, subject Content, names ...string) place.Root {
	d := c.Root
	d.Annotations = map[string]string{place.AnnotationSubject: subject.Root.Digest.String()}
	return place.Root{Descriptor: d, Names: names}
}

// putPlan puts and commits all that is planned.
func putPlan(t *testing.T, s place.Sink, plan place.Plan, content map[v1.Hash][]byte) {
	t.Helper()
	todo := plan.Blobs
	if p, ok := place.As[place.Planner](s); ok {
		var err error
		if todo, err = p.Plan(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range todo {
		if err := s.Put(t.Context(), b, blob.Bytes(content[b.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range plan.Roots {
		if err := s.Commit(t.Context(), r.Descriptor, r.Names...); err != nil {
			t.Fatal(err)
		}
	}
}

// foundFrom returns what belongs to d as a new source sees it, which lists it not
// among the images, unless all it has are tags.
func foundFrom(t *testing.T, doors Doors, d v1.Descriptor) []v1.Descriptor {
	t.Helper()
	src := doors.Source(t)
	defer closed(t, src)
	found, err := place.Referrers(t.Context(), src, d, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		read(t, src, f)
	}
	if l, ok := place.As[place.Lister](src); ok {
		err := l.List(t.Context(), func(e place.Entry) error {
			if e.Root.Digest.Hex != "" && e.Root.Digest != d.Digest {
				t.Errorf("%s is listed as an image", e.Name)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if none, err := place.Referrers(t.Context(), src, found[0], ""); err != nil || len(none) > 0 {
		t.Errorf("what belongs to a signature: %v, %v", none, err)
	}
	return found
}
