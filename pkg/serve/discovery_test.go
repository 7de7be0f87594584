package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/serve"
)

// follow reads all pages from path on, and returns what names finds in them.
func follow(h host, path string, names func(answer) []string) (all []string, pages int) {
	for path != "" && pages < 100 {
		a := h.get(path).is(http.StatusOK)
		all = append(all, names(a)...)
		pages++
		link := a.Header.Get("Link")
		path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
		if link != "" && !strings.HasSuffix(link, `>; rel="next"`) {
			h.t.Errorf("Link: %s", link)
		}
	}
	return all, pages
}

func tagsOf(a answer) []string {
	var doc struct {
		Name string
		Tags []string
	}
	a.decode(&doc)
	return doc.Tags
}

// distribution-spec: Listing Tags.
func TestListingTags(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	p := new(mem.Place)
	var want []string
	for i := range 25 {
		tag := fmt.Sprintf("v%d", i)
		put(t, p, c, "example.com/team/app:"+tag)
		want = append(want, tag)
	}
	slices.Sort(want)
	h := start(t, serve.Options{Places: []serve.Place{{Source: p}}})
	for query, wantPages := range map[string]int{"": 1, "?n=10": 3, "?n=25": 1, "?n=1": 25, "?n=1000": 1} {
		got, pages := follow(h, "/v2/team/app/tags/list"+query, tagsOf)
		if !cmp.Equal(got, want) || pages != wantPages {
			t.Errorf("%q: %d pages, %q", query, pages, got)
		}
	}
	if got := tagsOf(h.get("/v2/team/app/tags/list?last=v23&n=2")); !cmp.Equal(got, []string{"v24", "v3"}) {
		t.Errorf("after v23: %q", got)
	}
	if got := tagsOf(h.get("/v2/team/app/tags/list?last=v23a")); len(got) != 8 {
		t.Errorf("after a tag that is not there: %q", got)
	}
	a := h.get("/v2/team/app/tags/list?n=0").is(http.StatusOK, "Link", "")
	if got := string(a.body); got != `{"name":"team/app","tags":[]}` {
		t.Errorf("none: %s", got)
	}
	for _, n := range []string{"-1", "x", "1e3", "99999999999999999999"} {
		h.get("/v2/team/app/tags/list?n="+n).fails(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID")
	}
	h.get("/v2/other/tags/list").fails(http.StatusNotFound, "NAME_UNKNOWN")
	if strings.Contains(h.get("/v2/team/app/tags/list?n=3&last=%0d%0aX:y").Header.Get("Link"), "X:") {
		t.Error("a Link repeats what was asked")
	}
}

func reposOf(a answer) []string {
	var doc struct{ Repositories []string }
	a.decode(&doc)
	return doc.Repositories
}

// The catalog is no part of the specification any more, but many ask for it.
func TestCatalog(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	p := new(mem.Place)
	for _, name := range []string{"docker.io/library/b:1", "ghcr.io/org/a:1", "quay.io/z:1", "quay.io/z:2"} {
		put(t, p, c, name)
	}
	h := start(t, serve.Options{Places: []serve.Place{{Source: p}}})
	want := []string{"library/b", "org/a", "z"}
	for _, query := range []string{"", "?n=1", "?n=2", "?n=3"} {
		if got, _ := follow(h, "/v2/_catalog"+query, reposOf); !cmp.Equal(got, want) {
			t.Errorf("%q: %q", query, got)
		}
	}
	empty := start(t, serve.Options{Places: []serve.Place{{Source: new(mem.Place)}}})
	if got := string(empty.get("/v2/_catalog").is(http.StatusOK).body); got != `{"repositories":[]}` {
		t.Errorf("none: %s", got)
	}
}

// artifact returns a manifest that refers to subject.
func artifact(t testing.TB, subject v1.Descriptor, artifactType string, seed int) placetest.Content {
	t.Helper()
	c := placetest.Content{Bytes: map[v1.Hash][]byte{}}
	add := func(mt types.MediaType, b []byte) v1.Descriptor {
		d := manifest.Describe(mt, b)
		c.Order, c.Bytes[d.Digest] = append(c.Order, d), b
		return d
	}
	config := add("application/vnd.oci.empty.v1+json", []byte("{}"))
	subject.Platform = nil
	m := map[string]any{
		"schemaVersion": 2, "mediaType": types.OCIManifestSchema1, "artifactType": artifactType, "config": config,
		"layers": []v1.Descriptor{config}, "subject": subject, "annotations": map[string]string{"seed": fmt.Sprint(seed)},
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	c.Root = add(types.OCIManifestSchema1, raw)
	return c
}

func referrersOf(a answer) []string {
	a.is(a.StatusCode, "Content-Type", string(types.OCIImageIndex))
	doc, err := manifest.New(a.body)
	if err != nil || doc.Index == nil || !strings.Contains(string(a.body), `"manifests":[`) {
		a.t.Errorf("no index: %v: %s", err, a.body)
		return nil
	}
	var digests []string
	for _, d := range doc.Index.Manifests {
		digests = append(digests, d.Digest.String())
	}
	return digests
}

// distribution-spec: Listing Referrers.
func TestListingReferrers(t *testing.T) {
	img := multi(t)
	p := memory(t, img, "example.com/app:1")
	var sboms, signatures []string
	for i := range 5 {
		sbom, sig := artifact(t, img.Root, "example/sbom", i), artifact(t, img.Root, "example/signature", i)
		put(t, p, sbom, "@"+sbom.Root.Digest.String())              // under no name
		put(t, p, sig, "example.com/app@"+sig.Root.Digest.String()) // by its digest
		sboms = append(sboms, sbom.Root.Digest.String())
		signatures = append(signatures, sig.Root.Digest.String())
	}
	nested := artifact(t, img.Order[2], "example/nested", 0) // only the index of the fallback tag lists it
	put(t, p, nested)
	put(t, p, fallback(t, nested.Root), "example.com/app:sha256-x")
	h := start(t, serve.Options{Places: []serve.Place{{Source: p, Name: "own"}}})
	slices.Sort(sboms)
	slices.Sort(signatures)
	all := slices.Sorted(slices.Values(append(slices.Clone(sboms), signatures...)))
	url := "/v2/app/referrers/" + img.Root.Digest.String()
	a := h.get(url).is(http.StatusOK, "OCI-Filters-Applied", "")
	if got := referrersOf(a); !cmp.Equal(got, all) {
		t.Errorf("%q, want %q", got, all)
	}
	if !strings.Contains(string(a.body), `"artifactType":"example/sbom"`) || !strings.Contains(string(a.body), `"annotations":{"seed":"3"}`) {
		t.Errorf("%s", a.body)
	}
	a = h.get(url+"?artifactType=example%2Fsbom").is(http.StatusOK, "OCI-Filters-Applied", "artifactType")
	if got := referrersOf(a); !cmp.Equal(got, sboms) {
		t.Errorf("%q, want %q", got, sboms)
	}
	if got := referrersOf(h.get(url + "?artifactType=none").is(http.StatusOK)); len(got) > 0 {
		t.Errorf("of another type: %q", got)
	}
	if got := referrersOf(h.get("/v2/app/referrers/" + img.Order[2].Digest.String())); !cmp.Equal(got, []string{nested.Root.Digest.String()}) {
		t.Errorf("what a fallback tag lists: %q", got)
	}
	for _, path := range []string{"/v2/app/referrers/" + sboms[0], "/v2/other/referrers/" + img.Root.Digest.String()} {
		h.get(path).is(http.StatusOK)
	}
	h.get("/v2/app/referrers/sha256:1").fails(http.StatusBadRequest, "DIGEST_INVALID")
}

// fallback is the index under the tag that stands in for the API.
func fallback(t *testing.T, d v1.Descriptor) placetest.Content {
	t.Helper()
	raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{d}})
	if err != nil {
		t.Fatal(err)
	}
	root := manifest.Describe(types.OCIImageIndex, raw)
	return placetest.Content{Root: root, Order: []v1.Descriptor{root}, Bytes: map[v1.Hash][]byte{root.Digest: raw}}
}

func TestReferrersComeInPages(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	p := memory(t, img, "example.com/app:1")
	var want []string
	for i := range 450 {
		a := artifact(t, img.Root, fmt.Sprintf("type/%d", i%2), i)
		for _, d := range a.Order {
			if err := p.Put(t.Context(), d, blob.Bytes(a.Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Commit(t.Context(), a.Root, "@"+a.Root.Digest.String()); err != nil {
			t.Fatal(err)
		}
		want = append(want, a.Root.Digest.String())
	}
	slices.Sort(want)
	h := start(t, serve.Options{Places: []serve.Place{{Source: p, Name: "own"}}})
	path := "/v2/app/referrers/" + img.Root.Digest.String()
	if got, pages := follow(h, path, referrersOf); !cmp.Equal(got, want) || pages != 3 {
		t.Errorf("%d in %d pages", len(got), pages)
	}
	got, _ := follow(h, path+"?artifactType="+url.QueryEscape("type/1"), referrersOf)
	if len(got) != len(want)/2 {
		t.Errorf("%d of one type", len(got))
	}
}

// A place may know referrers by itself.
type knowing struct {
	*mem.Place
	d v1.Descriptor
}

func (k knowing) Referrers(context.Context, v1.Descriptor) ([]v1.Descriptor, error) {
	return []v1.Descriptor{k.d}, nil
}

func TestReferrersThatThePlaceKnows(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	p := memory(t, img, "example.com/app:1")
	sig := artifact(t, img.Root, "example/signature", 1)
	for _, d := range sig.Order {
		if err := p.Put(t.Context(), d, blob.Bytes(sig.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	var _ place.Referrer = knowing{}
	h := start(t, serve.Options{Places: []serve.Place{{Source: knowing{p, sig.Root}}}})
	got := referrersOf(h.get("/v2/app/referrers/" + img.Root.Digest.String()).is(http.StatusOK))
	if !cmp.Equal(got, []string{sig.Root.Digest.String()}) {
		t.Errorf("%q", got)
	}
}
