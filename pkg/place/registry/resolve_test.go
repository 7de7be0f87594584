package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
)

func TestResolveCostsOneHead(t *testing.T) {
	log := &requests{Handler: embedded()}
	r := repo(t, log)
	c := placetest.Image(t, placetest.ImageSpec{})
	put(t, r, c, "1")
	for _, n := range []string{"", "1", "@" + c.Root.Digest.String(), c.Root.Digest.String(), "gone@" + c.Root.Digest.String()} {
		log.take()
		d, err := r.Resolve(t.Context(), n)
		if err != nil || d.Digest != c.Root.Digest || d.Size != c.Root.Size || d.MediaType != c.Root.MediaType {
			t.Errorf("%q is %v, %v", n, d, err)
		}
		if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], "HEAD manifests/") {
			t.Errorf("%q costs %q", n, got)
		}
	}
}

func TestResolveNothing(t *testing.T) {
	r := repo(t, embedded())
	put(t, r, placetest.Image(t, placetest.ImageSpec{}), "1")
	_, err := r.Resolve(t.Context(), "2")
	if !errors.Is(err, place.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if want := fmt.Sprintf("reading manifest %s:2: 404: not found", r.Name().Base()); err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if _, err := r.Resolve(t.Context(), "no tag"); err == nil || errors.Is(err, place.ErrNotFound) {
		t.Errorf("what is no tag: %v", err)
	}
}

// TestResolveWithoutTag: a repository alone means the only image in it.
func TestResolveWithoutTag(t *testing.T) {
	host := serve(t, embedded())
	c := client(t, registry.Options{})
	r := c.Repo(name(t, host, "a/b:1").Base())
	put(t, r, placetest.Image(t, placetest.ImageSpec{}), "one")
	if d, err := r.Resolve(t.Context(), ""); err != nil || d.Size == 0 {
		t.Errorf("%v, %v", d, err)
	}
	put(t, r, placetest.Image(t, placetest.ImageSpec{}), "two")
	var choice *place.ChoiceError
	if _, err := r.Resolve(t.Context(), ""); !errors.As(err, &choice) || cmp.Diff(choice.Choices, []string{"one", "two"}) != "" {
		t.Errorf("got %v", err)
	}
}

// odd serves one manifest in an odd way.
type odd struct {
	head   func(http.ResponseWriter) // nil: as GET
	header http.Header
	raw    []byte
}

func (o odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "/manifests/") {
		return
	}
	if r.Method == http.MethodHead && o.head != nil {
		o.head(w)
		return
	}
	for k := range o.header {
		w.Header().Set(k, o.header.Get(k))
	}
	_, _ = w.Write(o.raw)
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

func TestResolveOddRegistries(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	raw, digest, mt := c.Bytes[c.Root.Digest], c.Root.Digest.String(), string(c.Root.MediaType)
	other := "sha256:" + strings.Repeat("0", 64)
	headers := func(mt, digest string) http.Header {
		return http.Header{"Content-Type": {mt}, "Docker-Content-Digest": {digest}}
	}
	for name, o := range map[string]struct {
		odd
		is error
	}{
		"no HEAD":                   {odd{status(405), headers(mt, digest), raw}, nil},
		"a proxy that refuses HEAD": {odd{status(400), headers(mt, digest), raw}, nil},
		"no digest":                 {odd{status(200), http.Header{"Content-Type": {mt}}, raw}, nil},
		"a digest that is none":     {odd{nil, headers(mt, "sha256:../../x"), raw}, nil},
		"a common media type":       {odd{nil, headers("application/json; charset=utf-8", digest), raw}, nil},
		"no media type":             {odd{status(200), headers("", digest), raw}, nil},
		"another media type":        {odd{status(200), headers("application/vnd.docker.distribution.manifest.v2+json", digest), raw}, place.ErrInvalid},
		"another digest":            {odd{status(405), headers(mt, other), raw}, blob.ErrMismatch},
		"schema 1":                  {odd{nil, headers("application/vnd.docker.distribution.manifest.v1+prettyjws", ""), []byte(`{"schemaVersion":1,"fsLayers":[]}`)}, place.ErrUnsupported},
		"a web page":                {odd{nil, headers("text/html", ""), []byte(`<html>`)}, place.ErrInvalid},
		"too large":                 {odd{status(200), nil, make([]byte, manifest.MaxBytes+1)}, place.ErrInvalid},
		"denied":                    {odd{status(401), nil, nil}, place.ErrDenied},
	} {
		d, err := repo(t, o).Resolve(t.Context(), "1")
		if !errors.Is(err, o.is) || o.is == nil && (err != nil || d.Digest != c.Root.Digest || d.MediaType != c.Root.MediaType) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
		if d, err := repo(t, o).Resolve(t.Context(), "@"+other); err == nil {
			t.Errorf("%s: asked for another digest it gives %v", name, d)
		}
	}
}

// TestManifestIsReadOnce: what Resolve had to read, Open does not read again.
func TestManifestIsReadOnce(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	log := &requests{Handler: odd{status(405), nil, c.Bytes[c.Root.Digest]}}
	r := repo(t, log)
	d, err := r.Resolve(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, r, d); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"HEAD manifests/1", "GET manifests/1"}, log.take()); diff != "" {
		t.Error(diff)
	}
}

// TestDocumentsAreReadOnce: who looks at a manifest or a config and then copies it asks
// once; what is not right is not kept.
func TestDocumentsAreReadOnce(t *testing.T) {
	log := &requests{Handler: embedded()}
	img := placetest.Image(t, placetest.ImageSpec{})
	host := serve(t, log)
	put(t, client(t, registry.Options{}).Repo(name(t, host, "a/b:1")), img, "1")
	log.take()
	r := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
	var want []string
	for _, d := range img.Order {
		times := 2
		if d.MediaType.IsConfig() || manifest.Is(d.MediaType) {
			times = 1
		}
		for range 2 {
			if raw, err := read(t, r, d); err != nil || !bytes.Equal(raw, img.Bytes[d.Digest]) {
				t.Errorf("%s: %q, %v", d.Digest, raw, err)
			}
		}
		kind := "blobs/"
		if manifest.Is(d.MediaType) {
			kind = "manifests/"
		}
		for range times {
			want = append(want, "GET "+kind+d.Digest.String())
		}
	}
	if diff := cmp.Diff(want, log.take()); diff != "" {
		t.Error(diff)
	}

	wrong := img.Order[0]
	wrong.MediaType, wrong.Size = types.OCIConfigJSON, wrong.Size-1
	r = client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
	for range 2 {
		_, _ = read(t, r, wrong)
	}
	if got := log.take(); len(got) != 2 {
		t.Errorf("what is longer than it is said to be is kept: asked %q", got)
	}
}
