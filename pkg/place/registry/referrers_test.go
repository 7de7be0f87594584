package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
)

// signature returns the n-th manifest that belongs to subject, and its config.
func signature(t *testing.T, subject v1.Descriptor, n int) (d v1.Descriptor, raw []byte, config v1.Descriptor) {
	t.Helper()
	config = manifest.Describe("application/vnd.example.sig", []byte("{}"))
	raw, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{},
		Subject: &subject, Annotations: map[string]string{"n": fmt.Sprint(n)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Describe(types.OCIManifestSchema1, raw), raw, config
}

// TestReferrers: what is put with a subject is found from it, with the API and without.
func TestReferrers(t *testing.T) {
	for title, withAPI := range map[string]bool{"API": true, "tag": false} {
		t.Run(title, func(t *testing.T) {
			log := &requests{Handler: embedded(ggcr.WithReferrersSupport(withAPI))}
			host := serve(t, log)
			r := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
			img := placetest.Image(t, placetest.ImageSpec{})
			if list, err := r.Referrers(t.Context(), img.Root); len(list) > 0 || err != nil {
				t.Errorf("in a new repository: %v, %v", list, err)
			}
			put(t, r, img, "1")
			var wg sync.WaitGroup
			for n := range 5 {
				d, raw, config := signature(t, img.Root, n)
				if err := r.Put(t.Context(), config, blob.Bytes([]byte("{}"))); err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					if err := r.Put(t.Context(), d, blob.Bytes(raw)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			list, err := r.Referrers(t.Context(), img.Root)
			if err != nil || len(list) != 5 {
				t.Fatalf("%d referrers, %v", len(list), err)
			}
			for n := range 5 {
				want, _, _ := signature(t, img.Root, n)
				i := slices.IndexFunc(list, func(d v1.Descriptor) bool { return d.Digest == want.Digest })
				if i < 0 || list[i].ArtifactType != "application/vnd.example.sig" || list[i].Size != want.Size {
					t.Errorf("%d: %+v", n, list)
				}
			}
			tag := strings.Replace(img.Root.Digest.String(), ":", "-", 1)
			if wrote := slices.Contains(log.take(), "PUT manifests/"+tag); wrote == withAPI {
				t.Errorf("the tag that stands in for the API was written: %v", wrote)
			}
		})
	}
}

// TestSubjectTakenNoteOf: a registry that says so needs no tag.
func TestSubjectTakenNoteOf(t *testing.T) {
	log := &requests{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("OCI-Subject", "sha256:"+strings.Repeat("0", 64))
			w.WriteHeader(http.StatusCreated)
		}
	})}
	r := client(t, registry.Options{}).Repo(name(t, serve(t, log), "a/b:1"))
	d, raw, _ := signature(t, placetest.Image(t, placetest.ImageSpec{}).Root, 0)
	if err := r.Put(t.Context(), d, blob.Bytes(raw)); err != nil {
		t.Error(err)
	}
	if got := log.take(); len(got) != 1 {
		t.Errorf("it costs %q", got)
	}
}

func TestReferrersInPages(t *testing.T) {
	subject := placetest.Image(t, placetest.ImageSpec{}).Root
	page := func(n int) []byte {
		d, _, _ := signature(t, subject, n)
		b, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{d}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	r := repo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/referrers/") {
			http.NotFound(w, r)
			return
		}
		n := len(r.URL.Query().Get("page"))
		if n < 3 {
			w.Header().Set("Link", fmt.Sprintf(`<?page=%s>; rel="next"`, strings.Repeat("x", n+1)))
		}
		_, _ = w.Write(page(n))
	}))
	if list, err := r.Referrers(t.Context(), subject); len(list) != 4 || err != nil {
		t.Errorf("%d referrers, %v", len(list), err)
	}
}

func TestReferrersFail(t *testing.T) {
	subject := placetest.Image(t, placetest.ImageSpec{}).Root
	for title, c := range map[string]struct {
		h  http.Handler
		is error
	}{
		"denied":      {code(401), place.ErrDenied},
		"down":        {code(503), place.ErrUnavailable},
		"no index":    {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"schemaVersion":2}`)) }), place.ErrInvalid},
		"a bad entry": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(badIndex)) }), place.ErrInvalid},
	} {
		if list, err := repo(t, c.h).Referrers(t.Context(), subject); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %v", title, list, err)
		}
	}
	if _, err := repo(t, code(404)).Referrers(t.Context(), v1.Descriptor{}); err == nil {
		t.Error("nothing has referrers")
	}
}

const badIndex = `{"schemaVersion":2,"manifests":[{"mediaType":"x","size":-1,"digest":"sha256:../x"}]}`
