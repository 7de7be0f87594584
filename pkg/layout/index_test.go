package layout_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

func root(s string) v1.Descriptor {
	return manifest.Describe("application/vnd.oci.image.index.v1+json", []byte(s))
}

func TestPick(t *testing.T) {
	one, two := root("1"), root("2")
	x := layout.NewIndex()
	x.Add(one, "docker.io/library/alpine:3.20", "quay.io/a/b:3.20")
	x.Add(two, "ghcr.io/c/d:1")
	x.Add(two, "plain")
	for _, tt := range []struct {
		image string
		want  v1.Descriptor
		err   error
	}{
		{"alpine:3.20", one, nil},
		{"docker.io/library/alpine:3.20", one, nil},
		{"3.20", one, nil},
		{"plain", two, nil},
		{"@" + two.Digest.String(), two, nil},
		{"anything@" + one.Digest.String(), one, nil},
		{"alpine", v1.Descriptor{}, place.ErrNotFound},
		{"@" + root("3").Digest.String(), v1.Descriptor{}, place.ErrNotFound},
	} {
		got, err := x.Pick(tt.image)
		if got.Digest != tt.want.Digest || !errors.Is(err, tt.err) {
			t.Errorf("%q: %v, %v", tt.image, got.Digest, err)
		}
	}
	var choice *place.ChoiceError
	if _, err := x.Pick(""); !errors.As(err, &choice) || len(choice.Choices) != 4 {
		t.Errorf("no name: %v", err)
	}
}

func TestPickIsAmbiguous(t *testing.T) {
	x := layout.NewIndex()
	x.Add(root("1"), "quay.io/a/a:latest")
	x.Add(root("2"), "quay.io/a/b:latest")
	var choice *place.ChoiceError
	if _, err := x.Pick("latest"); !errors.As(err, &choice) {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(choice.Choices, []string{"quay.io/a/a:latest", "quay.io/a/b:latest"}) {
		t.Errorf("choices %q", choice.Choices)
	}
}

func TestAddTakesNamesOver(t *testing.T) {
	x := layout.NewIndex()
	x.Add(root("1"))
	x.Add(root("1"), "a/b:1")
	x.Add(root("2"), "docker.io/a/b:1")
	entries := x.List()
	if len(entries) != 1 || entries[0].Root.Digest != root("2").Digest || entries[0].Name != "docker.io/a/b:1" {
		t.Errorf("%v", entries)
	}
	if !x.Remove("a/b:1") || x.Remove("a/b:1") || len(x.List()) != 0 {
		t.Errorf("after Remove: %v", x.List())
	}
}

// Names are found, not searched for: ten thousand steps for each of these would not end.
func TestManyNames(t *testing.T) {
	const many = 10_000
	x := layout.NewIndex()
	for range 2 {
		for i := range many {
			x.Add(root("1"), fmt.Sprintf("example.com/a:%d", i))
		}
		x.Add(root("1"))
	}
	for i := range many {
		if d, err := x.Pick(fmt.Sprintf("example.com/a:%d", i)); err != nil || d.Annotations[layout.AnnotationRefName] != fmt.Sprint(i) {
			t.Fatal(i, d, err)
		}
	}
	if n := len(x.List()); n != many {
		t.Errorf("%d entries", n)
	}
	for i := range many {
		if !x.Remove(fmt.Sprintf("example.com/a:%d", i)) {
			t.Fatal(i)
		}
	}
	if n := len(x.List()); n != 0 || x.RemoveDigest(root("1").Digest) {
		t.Errorf("%d entries stay", n)
	}
}

func TestMarshalIsTheSameInAnyOrder(t *testing.T) {
	x, y := layout.NewIndex(), layout.NewIndex()
	for i := range 5 {
		x.Add(root(fmt.Sprint(i)), fmt.Sprintf("a/b:%d", i))
		y.Add(root(fmt.Sprint(4-i)), fmt.Sprintf("a/b:%d", 4-i))
	}
	bx, err := x.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	by, err := y.Marshal()
	if err != nil || !bytes.Equal(bx, by) {
		t.Errorf("%v\n%s\n%s", err, bx, by)
	}
	z, err := layout.ParseIndex(bx)
	if err != nil || len(z.List()) != 5 {
		t.Errorf("read back: %v, %v", z, err)
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"a","size":1,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","annotations":{"org.opencontainers.image.ref.name":"a"}}]}`), "a")
	f.Add([]byte(`{"schemaVersion":2,"manifests":[],"annotations":{"io.dray.referrers":"[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":1,\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"annotations\":{\"io.dray.subject\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}}]"}}`), "a")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		x, err := layout.ParseIndex(raw)
		if err != nil {
			return
		}
		if d, err := x.Pick(name); err == nil && manifest.CheckDescriptor(d) != nil {
			t.Errorf("picked %v", d)
		}
		x.Add(root("1"), name)
		if _, err := x.Marshal(); err != nil {
			t.Error(err)
		}
	})
}

func ExampleIndex_Add() {
	x := layout.NewIndex()
	x.Add(root("1"), "alpine/git:2")
	for _, e := range x.List() {
		fmt.Println(e.Name, e.Root.Annotations[layout.AnnotationRefName])
	}
	// Output: docker.io/alpine/git:2 2
}
