package serve_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/serve"
)

// several are images that tell themselves apart, one for each name.
func several(t testing.TB, names ...string) (place.Source, map[string]string) {
	t.Helper()
	p, digests := new(mem.Place), map[string]string{}
	for i, name := range names {
		c := placetest.Image(t, placetest.ImageSpec{Seed: uint64(i)})
		put(t, p, c, name)
		digests[name] = c.Root.Digest.String()
	}
	return p, digests
}

// A path is an image name first, and then what one host alone has.
func TestWhatAPathMeans(t *testing.T) {
	p, digests := several(t,
		"docker.io/library/alpine:1", "quay.io/library/alpine:1", "quay.io/library/alpine:2",
		"ghcr.io/org/app:1", "quay.io/org/app:1", "ghcr.io/org/app:2", "example.com/docker.io/library/alpine:1",
		"registry.local:5000/base/image:1", "localhost/x:1", "localhost/x/y:1",
	)
	events, said := warnings()
	h := start(t, serve.Options{Places: []serve.Place{{Source: p}}, Events: events})
	for path, want := range map[string]string{
		"alpine/manifests/1":                               "docker.io/library/alpine:1",
		"library/alpine/manifests/1":                       "docker.io/library/alpine:1",
		"docker.io/library/alpine/manifests/1":             "docker.io/library/alpine:1",
		"library/alpine/manifests/2":                       "quay.io/library/alpine:2",
		"quay.io/library/alpine/manifests/1":               "quay.io/library/alpine:1",
		"org/app/manifests/2":                              "ghcr.io/org/app:2",
		"org/app/manifests/1":                              "",
		"ghcr.io/org/app/manifests/1":                      "ghcr.io/org/app:1",
		"quay.io/org/app/manifests/1":                      "quay.io/org/app:1",
		"quay.io/org/app/manifests/2":                      "",
		"example.com/docker.io/library/alpine/manifests/1": "example.com/docker.io/library/alpine:1",
		"base/image/manifests/1":                           "registry.local:5000/base/image:1",
		"registry.local_5000/base/image/manifests/1":       "registry.local:5000/base/image:1",
		"x/manifests/1":                                    "localhost/x:1",
		"localhost/x/y/manifests/1":                        "localhost/x/y:1",
		"library/alpine/manifests/1?ns=quay.io":            "quay.io/library/alpine:1",
		"library/alpine/manifests/1?ns=docker.io":          "docker.io/library/alpine:1",
		"org/app/manifests/1?ns=quay.io":                   "quay.io/org/app:1",
		"org/app/manifests/1?ns=docker.io":                 "",
		"base/image/manifests/1?ns=registry.local%3A5000":  "registry.local:5000/base/image:1",
		"base/image/manifests/1?ns=registry.local":         "",
		"library/alpine/manifests/1?ns=..%2F..%2Fetc":      "",
	} {
		if a := h.get("/v2/" + path); a.Header.Get("Docker-Content-Digest") != digests[want] {
			t.Errorf("%s is %d %s, want %q", path, a.StatusCode, a.Header.Get("Docker-Content-Digest"), want)
		}
	}
	a := h.get("/v2/org/app/manifests/1").fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	if !strings.Contains(string(a.body), "ghcr.io/org/app, quay.io/org/app") {
		t.Errorf("%s", a.body)
	}
	if got := tagsOf(h.get("/v2/org/app/tags/list")); !cmp.Equal(got, []string{"2"}) {
		t.Errorf("tags %q", got)
	}
	if got := tagsOf(h.get("/v2/library/alpine/tags/list")); !cmp.Equal(got, []string{"1", "2"}) {
		t.Errorf("tags %q", got)
	}
	want := []string{
		"base/image", "example.com/docker.io/library/alpine", "ghcr.io/org/app", "library/alpine",
		"quay.io/library/alpine", "quay.io/org/app", "x", "x/y",
	}
	if got := reposOf(h.get("/v2/_catalog")); !cmp.Equal(got, want) {
		t.Errorf("catalog %q", got)
	}
	for _, path := range want { // each means what it says
		h.get("/v2/" + path + "/tags/list").is(http.StatusOK)
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "org/app:1 is different images") {
		t.Errorf("said %q", got)
	}
}

func TestNamesWithoutARepository(t *testing.T) {
	p, digests := several(t, "1.0", "latest", "example.com/app:1", "no image name", "@unnamed")
	events, said := warnings()
	for own, paths := range map[string][]string{
		"team/app":         {"team/app"},
		"ghcr.io/team/app": {"ghcr.io/team/app", "team/app"},
		"docker.io/a/b":    {"a/b", "docker.io/a/b"},
	} {
		h := start(t, serve.Options{Places: []serve.Place{{Source: p, Name: own}}, Events: events})
		for _, path := range paths {
			for _, tag := range []string{"1.0", "latest"} {
				h.get("/v2/"+path+"/manifests/"+tag).is(http.StatusOK, "Docker-Content-Digest", digests[tag])
			}
			h.get("/v2/" + path + "/manifests/" + digests["@unnamed"]).is(http.StatusOK)
			h.get("/v2/"+path+"/manifests/"+digests["example.com/app:1"]).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
		}
		h.get("/v2/app/manifests/1").is(http.StatusOK)
	}
	h := start(t, serve.Options{Places: []serve.Place{{Source: p}}, Events: events})
	if got := reposOf(h.get("/v2/_catalog")); !cmp.Equal(got, []string{"app"}) {
		t.Errorf("catalog %q", got)
	}
	all := strings.Join(said(), "\n")
	if strings.Count(all, `"no image name" is left out`) != 4 || !strings.Contains(all, `"1.0" is left out`) {
		t.Errorf("said %s", all)
	}
	if _, err := serve.New(serve.Options{Places: []serve.Place{{Source: p, Name: "UPPER"}}}); err == nil {
		t.Error("a name that is none is taken")
	}
}

// Of two places that have one name, the first one wins.
func TestTheFirstPlaceWins(t *testing.T) {
	one, two := placetest.Image(t, placetest.ImageSpec{Seed: 1}), placetest.Image(t, placetest.ImageSpec{Seed: 2})
	second := memory(t, two, "example.com/app:1", "example.com/app:2")
	put(t, second, one, "example.com/app:3")
	events, said := warnings()
	h := start(t, serve.Options{Places: []serve.Place{{Source: memory(t, one, "example.com/app:1")}, {Source: second}}, Events: events})
	for tag, want := range map[string]placetest.Content{"1": one, "2": two, "3": one} {
		h.get("/v2/app/manifests/"+tag).is(http.StatusOK, "Docker-Content-Digest", want.Root.Digest.String())
		layer, raw := layerOf(want)
		h.stands("app", layer, raw)
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "example.com/app:1 is there twice") {
		t.Errorf("said %q", got)
	}
}

// What others do to a place while it is served shows at once.
func TestChangesShow(t *testing.T) {
	one, two := placetest.Image(t, placetest.ImageSpec{Seed: 1}), placetest.Image(t, placetest.ImageSpec{Seed: 2})
	dir := filepath.Join(t.TempDir(), "layout")
	lay, other := ocidir.New(dir, nil), ocidir.New(dir, nil)
	put(t, lay, one, "1")
	h := start(t, serve.Options{Places: []serve.Place{{Source: lay, Name: "app"}}})
	h.get("/v2/app/manifests/1").is(http.StatusOK, "Docker-Content-Digest", one.Root.Digest.String())
	put(t, other, two, "1", "2")
	for _, tag := range []string{"1", "2"} {
		h.get("/v2/app/manifests/"+tag).is(http.StatusOK, "Docker-Content-Digest", two.Root.Digest.String())
	}
	if err := other.Remove(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	h.get("/v2/app/manifests/2").fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	if err := errors.Join(lay.Close(), other.Close()); err != nil {
		t.Error(err)
	}
}

// Two servers of one archive answer alike: a client may ask the one and then the other.
func TestReplicas(t *testing.T) {
	c := multi(t)
	src := kept(t, c, "example.com/app:1")["archive"]
	one := start(t, serve.Options{Places: []serve.Place{{Source: src}}})
	two := start(t, serve.Options{Places: []serve.Place{{Source: src}}})
	for _, path := range []string{"/v2/_catalog?n=1", "/v2/app/tags/list?n=1", "/v2/app/manifests/1", "/v2/app/referrers/" + c.Root.Digest.String()} {
		a, b := one.get(path), two.get(path)
		a.Header.Del("Date")
		b.Header.Del("Date")
		if d := cmp.Diff(a.Header, b.Header); d != "" || string(a.body) != string(b.body) {
			t.Errorf("%s: %s", path, d)
		}
	}
}

func TestPlacesThatCannotBeServed(t *testing.T) {
	type bare struct{ place.Source }
	for name, o := range map[string]serve.Options{
		"not listed":    {Places: []serve.Place{{Source: bare{new(mem.Place)}}}},
		"not written":   {Places: []serve.Place{{Source: damaged{bare{new(mem.Place)}}}}, Writable: true},
		"nothing there": {Writable: true},
	} {
		if _, err := serve.New(o); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := start(t, serve.Options{Places: []serve.Place{{Source: ocidir.New(filepath.Join(t.TempDir(), "none"), nil)}}})
	if _, err := gone.server.Repositories(t.Context()); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("a layout that is not there: %v", err)
	}
	gone.get("/healthz").is(http.StatusServiceUnavailable)
	gone.get("/v2/a/tags/list").fails(http.StatusInternalServerError, "UNKNOWN")
}
