package registry_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

func TestCommit(t *testing.T) {
	log := &requests{Handler: embedded()}
	host := serve(t, log)
	c := client(t, registry.Options{})
	img := placetest.Image(t, placetest.ImageSpec{})
	digest := img.Root.Digest.String()
	r := c.Repo(name(t, host, "a/b:1"))
	put(t, r, img)
	log.take()

	if err := r.Commit(t.Context(), img.Root); err != nil {
		t.Error(err)
	}
	if got := log.take(); len(got) > 0 {
		t.Errorf("to commit under its digest alone costs %q", got)
	}
	if err := r.Commit(t.Context(), img.Root, "1", "@"+digest, "2"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"PUT manifests/1", "PUT manifests/2"}, log.take()); diff != "" {
		t.Error(diff)
	}
	another := c.Repo(name(t, host, "a/b:3"))
	if err := another.Commit(t.Context(), img.Root, ""); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"GET manifests/" + digest, "PUT manifests/3"}, log.take()); diff != "" {
		t.Errorf("what another has put is not read back: %s", diff)
	}
	gone := placetest.Image(t, placetest.ImageSpec{Seed: 9}).Root
	if err := another.Commit(t.Context(), gone, "4"); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("what is not there is committed: %v", err)
	}
	for _, bad := range []string{"no tag", "a/b:1", "@sha256:" + strings.Repeat("0", 64)} {
		log.take()
		if err := r.Commit(t.Context(), img.Root, "5", bad); err == nil {
			t.Errorf("%q is a name", bad)
		}
		if got := log.take(); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, bad) }) {
			t.Errorf("%q is sent: %q", bad, got)
		}
	}
}

func TestHas(t *testing.T) {
	log := &requests{Handler: embedded()}
	host := serve(t, log)
	c := client(t, registry.Options{})
	img := placetest.Image(t, placetest.ImageSpec{Layers: []int{10, 2 << 20, 10}})
	r := c.Repo(name(t, host, "a/b:1"))
	for _, d := range img.Order {
		if has, err := r.Has(t.Context(), d); has || err != nil {
			t.Errorf("empty: %v, %v", has, err)
		}
	}
	want := []string{ // in a new repository only what is large is asked for
		"HEAD blobs/" + img.Order[0].Digest.String(), "GET tags/list", "HEAD blobs/" + img.Order[1].Digest.String(),
	}
	if diff := cmp.Diff(want, log.take()); diff != "" {
		t.Error(diff)
	}
	put(t, r, img, "1")
	log.take()
	fresh := c.Repo(name(t, host, "a/b:1"))
	for _, d := range img.Order {
		if has, err := fresh.Has(t.Context(), d); !has || err != nil {
			t.Errorf("%s: %v, %v", d.Digest, has, err)
		}
	}
	if got := log.take(); len(got) != len(img.Order) {
		t.Errorf("%d requests for %d blobs: %q", len(got), len(img.Order), got)
	}
	wrong := img.Order[0]
	wrong.Size++
	if has, err := fresh.Has(t.Context(), wrong); has || err != nil {
		t.Errorf("another size: %v, %v", has, err)
	}
}

func TestHasWhereAskingIsDenied(t *testing.T) {
	d, _ := random(10)
	if has, err := repo(t, code(403)).Has(t.Context(), d); has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
	if _, err := repo(t, code(503)).Has(t.Context(), d); !errors.Is(err, place.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// code answers everything with a status.
func code(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

func TestPutDenied(t *testing.T) {
	d, b := random(10)
	err := repo(t, code(403)).Put(t.Context(), d, blob.Bytes(b))
	if !errors.Is(err, place.ErrDenied) || !strings.Contains(hint(err), "dray login") {
		t.Errorf("%v, %q", err, hint(err))
	}
}

func TestStoredAsSomethingElse(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	liar := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
		w.WriteHeader(http.StatusCreated)
	})
	r := repo(t, liar)
	for _, d := range img.Order {
		if err := r.Put(t.Context(), d, blob.Bytes(img.Bytes[d.Digest])); !errors.Is(err, blob.ErrMismatch) {
			t.Errorf("%s: %v", d.MediaType, err)
		}
	}
}

// mounting is an embedded registry that can mount.
type mounting struct {
	http.Handler
	refuse int // a status instead
	asked  []string
}

func (m *mounting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if from := r.URL.Query().Get("from"); from != "" && r.Method == http.MethodPost {
		m.asked = append(m.asked, from)
		switch {
		case m.refuse != 0:
			w.WriteHeader(m.refuse)
			return
		case from == "base":
			w.WriteHeader(http.StatusCreated)
			return
		}
	}
	m.Handler.ServeHTTP(w, r)
}

func TestMount(t *testing.T) {
	d, b := random(10)
	m := &mounting{Handler: embedded()}
	log := &requests{Handler: m}
	host := serve(t, log)
	c := client(t, registry.Options{})
	r := c.Repo(name(t, host, "a/b:1"))
	mount := func(from place.Source) bool {
		t.Helper()
		ok, err := r.Mount(t.Context(), d, from)
		if err != nil {
			t.Error(err)
		}
		return ok
	}
	if !mount(c.Repo(name(t, host, "base:1"))) {
		t.Error("not mounted")
	}
	log.take()
	if mount(c.Repo(name(t, host, "other:1"))) {
		t.Error("mounted from where it is not")
	}
	if err := r.Put(t.Context(), d, blob.Bytes(b)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"POST upload", "PUT upload"}, log.take()); diff != "" {
		t.Errorf("the upload that a refused mount began is not used: %s", diff)
	}
	m.asked = nil
	elsewhere := client(t, registry.Options{}).Repo(name(t, serve(t, embedded()), "base:1"))
	manifest := placetest.Image(t, placetest.ImageSpec{}).Root
	if mount(elsewhere) || mount(r) {
		t.Error("mounted from another registry, or from itself")
	}
	if ok, err := r.Mount(t.Context(), manifest, c.Repo(name(t, host, "base:1"))); ok || err != nil {
		t.Errorf("a manifest is mounted: %v, %v", ok, err)
	}
	if len(m.asked) > 0 {
		t.Errorf("in vain it was asked for %q", m.asked)
	}
	m.refuse = http.StatusForbidden
	for range 3 {
		if mount(c.Repo(name(t, host, "closed:1"))) {
			t.Error("mounted")
		}
	}
	if len(m.asked) != 1 {
		t.Errorf("a refusal is not remembered: %q", m.asked)
	}
}

func TestRemove(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		name   string
		is     error
		hint   string
	}{
		"done":                {202, "1", nil, ""},
		"not there":           {404, "1", place.ErrNotFound, ""},
		"no tags":             {405, "1", place.ErrUnsupported, "name it by its digest"},
		"no tags, oddly said": {400, "1", place.ErrUnsupported, "name it by its digest"},
		"nothing at all":      {405, "@sha256:" + strings.Repeat("0", 64), place.ErrUnsupported, "deletion enabled"},
		"denied":              {401, "1", place.ErrDenied, "dray login"},
	} {
		err := repo(t, code(c.status)).Remove(t.Context(), c.name)
		if !errors.Is(err, c.is) || !strings.Contains(hint(err), c.hint) {
			t.Errorf("%s: %v (%s)", name, err, hint(err))
		}
	}
}

func TestPing(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "right" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	host := serve(t, handler)
	c := client(t, registry.Options{})
	if err := c.Ping(t.Context(), host, registry.Credential{Username: "u", Password: "right"}); err != nil {
		t.Error(err)
	}
	for _, cred := range []registry.Credential{{Username: "u", Password: "wrong"}, {}} {
		err := c.Ping(t.Context(), host, cred)
		if !errors.Is(err, place.ErrDenied) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%v: %v", cred, err)
		}
	}
}

// TestMirrors: they are asked in order for what is read, and passed over when
// they do not have it or do not answer; what is written goes to the registry.
func TestMirrors(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	empty, full := &requests{Handler: embedded()}, &requests{Handler: embedded()}
	own := &requests{Handler: embedded()}
	down := &requests{Handler: code(503)}
	emptyHost, fullHost, ownHost, downHost := serve(t, empty), serve(t, full), serve(t, own), serve(t, down)
	handle, notes := events(event.Note)
	c := client(t, registry.Options{
		Events: handle,
		Endpoints: func(_ context.Context, n ref.Name) (registry.Endpoints, error) {
			at := func(host string) registry.Endpoint { return registry.Endpoint{Host: host, Repository: n.Repository} }
			return registry.Endpoints{
				Read:  []registry.Endpoint{at(downHost), at(emptyHost), at(fullHost), at(ownHost)},
				Write: at(ownHost),
			}, nil
		},
	})
	put(t, client(t, registry.Options{}).Repo(name(t, fullHost, "a/b:1")), img, "1")
	full.take()
	r := c.Repo(name(t, "registry.example", "a/b:1"))
	_, err := r.Resolve(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range img.Order {
		if _, err := read(t, r, d); err != nil {
			t.Error(err)
		}
	}
	if got := len(down.take()); got != 1 {
		t.Errorf("the mirror that is down was asked %d times", got)
	}
	if got := own.take(); len(got) > 0 {
		t.Errorf("the registry was asked %q", got)
	}
	if n := notes(); len(n) == 0 || !errors.Is(n[0].Err, place.ErrUnavailable) {
		t.Errorf("noted %v", n)
	}
	full.take()
	empty.take()
	put(t, r, img, "2")
	if len(full.take())+len(empty.take()) > 0 || len(own.take()) == 0 {
		t.Error("it is written to a mirror")
	}
	if _, err := r.Open(t.Context(), placetest.Image(t, placetest.ImageSpec{Seed: 9}).Root); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
