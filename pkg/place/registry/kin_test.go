package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
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

// belongs makes c a root that belongs to subject.
func belongs(c placetest.Content, subject v1.Descriptor) placetest.Content {
	c.Root.Annotations = map[string]string{place.AnnotationSubject: subject.Digest.String()}
	return c
}

// TestNothingBelongsToIt counts what it costs to find out.
func TestNothingBelongsToIt(t *testing.T) {
	for title, api := range map[string]bool{"with the API": true, "without": false} {
		log := &requests{Handler: embedded(ggcr.WithReferrersSupport(api))}
		host := serve(t, log)
		images := []placetest.Content{placetest.Image(t, placetest.ImageSpec{}), placetest.Image(t, placetest.ImageSpec{Seed: 1})}
		for i, img := range images {
			put(t, client(t, registry.Options{}).Repo(name(t, host, "a/b:1")), img, fmt.Sprint(i))
		}
		log.take()
		c := client(t, registry.Options{})
		for i, most := range []int{2, 1} { // what one Repo of a client has found out, another knows
			r := c.Repo(name(t, host, fmt.Sprintf("a/b:%d", i)))
			if list, err := r.Referrers(t.Context(), images[i].Root); len(list) > 0 || err != nil {
				t.Errorf("%s: %v, %v", title, list, err)
			}
			if got := log.take(); len(got) > most {
				t.Errorf("%s: asked %q", title, got)
			}
		}
	}
}

// TestTagsOfCosign: they are found in the list of tags, and where that is long, or
// there is none, by themselves.
func TestTagsOfCosign(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	tags := manifest.CosignTags(img.Root.Digest)
	long := make([]string, 1000)
	for i := range long {
		long[i] = fmt.Sprintf("a%04d", i)
	}
	for title, list := range map[string]http.HandlerFunc{
		"a list": nil,
		"a long list": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"tags": long})
		},
		"no list": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
	} {
		next := embedded()
		log := &requests{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/tags/list") && list != nil {
				list(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})}
		host := serve(t, log)
		to := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
		put(t, to, img, "1")
		sig := belongs(placetest.Signature(t, v1.Descriptor{}, "signed"), img.Root)
		put(t, to, sig, tags[2])
		log.take()
		r := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
		found, err := r.Referrers(t.Context(), img.Root)
		if err != nil || len(found) != 1 || found[0].Digest != sig.Root.Digest || found[0].Annotations[place.AnnotationRefName] != tags[2] {
			t.Errorf("%s: %+v, %v", title, found, err)
		}
		got := log.take()
		if asked := slices.Contains(got, "HEAD manifests/"+tags[0]); asked != (list != nil) {
			t.Errorf("%s: asked %q", title, got)
		}
	}
}

// TestNoSignatureIsOverwritten: cosign adds to what stands under its tag.
func TestNoSignatureIsOverwritten(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	tag := manifest.CosignTags(img.Root.Digest)[2]
	one := belongs(placetest.Signature(t, v1.Descriptor{}, "one"), img.Root)
	other := belongs(placetest.Signature(t, v1.Descriptor{}, "two"), img.Root)
	both := belongs(joined(t, one, other), img.Root)
	for _, c := range []struct {
		title                string
		there, put, standing placetest.Content
		fails                bool
	}{
		{"the same", one, one, one, false},
		{"more than there", one, both, both, false},
		{"less than there", both, one, both, false},
		{"something else", one, other, one, true},
	} {
		host := serve(t, embedded())
		put(t, client(t, registry.Options{}).Repo(name(t, host, "a/b:1")), c.there, tag)
		r := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
		for _, d := range c.put.Order {
			if err := r.Put(t.Context(), d, blob.Bytes(c.put.Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		err := r.Commit(t.Context(), c.put.Root, tag)
		var lost *registry.TagError
		if errors.As(err, &lost) != c.fails || c.fails && hint(err) == "" || !c.fails && err != nil {
			t.Errorf("%s: %v", c.title, err)
		}
		if d, err := r.Resolve(t.Context(), tag); err != nil || d.Digest != c.standing.Root.Digest {
			t.Errorf("%s: %s stands there, %v", c.title, d.Digest, err)
		}
	}
}

// joined has the layers of a and of b, as cosign joins signatures.
func joined(t *testing.T, a, b placetest.Content) placetest.Content {
	t.Helper()
	var m, other v1.Manifest
	for c, to := range map[*placetest.Content]*v1.Manifest{&a: &m, &b: &other} {
		if err := json.Unmarshal(c.Bytes[c.Root.Digest], to); err != nil {
			t.Fatal(err)
		}
	}
	m.Layers = append(m.Layers, other.Layers...)
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	c := placetest.Content{Root: manifest.Describe(types.OCIManifestSchema1, raw), Bytes: map[v1.Hash][]byte{}}
	for _, d := range append(slices.Clone(m.Layers), m.Config) {
		c.Order = append(c.Order, d)
		if c.Bytes[d.Digest] = a.Bytes[d.Digest]; c.Bytes[d.Digest] == nil {
			c.Bytes[d.Digest] = b.Bytes[d.Digest]
		}
	}
	c.Order, c.Bytes[c.Root.Digest] = append(c.Order, c.Root), raw
	return c
}

// TestOverwrittenLists: without the API, another client that writes the list at the
// same moment is found out when all is committed, and outdone.
func TestOverwrittenLists(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	list := manifest.ReferrersTag(img.Root.Digest)
	for title, overwrites := range map[string]int{"once": 1, "again and again": 100} {
		next := embedded()
		log := &requests{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, list) && overwrites > 0 {
				overwrites--
				theirs := strings.NewReader(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
				put, err := http.NewRequestWithContext(r.Context(), http.MethodPut, r.URL.String(), theirs)
				if err != nil {
					t.Error(err)
				}
				put.Header.Set("Content-Type", string(types.OCIImageIndex))
				next.ServeHTTP(discard{http.Header{}}, put)
			}
		})}
		r := client(t, registry.Options{}).Repo(name(t, serve(t, log), "a/b:1"))
		put(t, r, img, "1")
		sig := belongs(placetest.Signature(t, img.Root, "signed"), img.Root)
		for _, d := range sig.Order {
			if err := r.Put(t.Context(), d, blob.Bytes(sig.Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Commit(t.Context(), sig.Root); (err != nil) != (title != "once") {
			t.Errorf("%s: %v", title, err)
		}
		found, err := r.Referrers(t.Context(), img.Root)
		if err != nil || (len(found) == 1) != (title == "once") {
			t.Errorf("%s: %v, %v", title, found, err)
		}
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// TestDigestNotInvalid: a registry that takes a manifest for another, since it reads what
// is being written, is given it again, but not for ever.
func TestDigestNotInvalid(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	for wrong, ok := range map[int]bool{1: true, 3: true, 100: false} {
		next := embedded()
		r := repo(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/manifests/") && wrong > 0 {
				wrong--
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}`))
				return
			}
			next.ServeHTTP(w, req)
		}))
		for _, d := range img.Order[:len(img.Order)-1] {
			if err := r.Put(t.Context(), d, blob.Bytes(img.Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Put(t.Context(), img.Root, blob.Bytes(img.Bytes[img.Root.Digest])); (err == nil) != ok {
			t.Errorf("%d times left: %v", wrong, err)
		}
	}
}

// TestNoSuchRoute: whatever a registry answers that does not know the API, the list
// under the tag is read, and what it answers of the tag counts.
func TestNoSuchRoute(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	for _, status := range []int{400, 401, 403, 404, 405, 406, 501} {
		next := embedded()
		host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/referrers/") {
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, r)
		}))
		to := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
		put(t, to, img, "1")
		list := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"size":%d,"digest":%q}]}`,
			types.OCIImageIndex, img.Root.MediaType, img.Root.Size, img.Root.Digest)
		d := manifest.Describe(types.OCIImageIndex, []byte(list))
		if err := errors.Join(to.Put(t.Context(), d, blob.Bytes([]byte(list))), to.Commit(t.Context(), d, manifest.ReferrersTag(img.Root.Digest))); err != nil {
			t.Fatal(err)
		}
		found, err := client(t, registry.Options{}).Repo(name(t, host, "a/b:1")).Referrers(t.Context(), img.Root)
		if err != nil || len(found) != 1 {
			t.Errorf("%d: %v, %v", status, found, err)
		}
	}
}
