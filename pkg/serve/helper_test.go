package serve_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/serve"
)

// A host is a server on loopback, as clients see it.
type host struct {
	t      testing.TB
	server *serve.Server
	url    string
}

// start starts a server.
func start(t testing.TB, o serve.Options) host {
	t.Helper()
	o.Uploads.TempDir = t.TempDir()
	s, err := serve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return host{t, s, h.URL}
}

// startStore starts a server of a new store that takes pushes and deletes.
func startStore(t testing.TB) (host, *store.Store) {
	t.Helper()
	st := newStore(t)
	return start(t, serve.Options{Places: []serve.Place{{Source: st}}, Writable: true, AllowDelete: true}), st
}

func newStore(t testing.TB) *store.Store {
	st := store.New(filepath.Join(t.TempDir(), "store"), nil)
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// An answer is a response whose body was read.
type answer struct {
	t testing.TB
	*http.Response
	body []byte
}

// do sends a request. Headers are name, value, name, value.
func (h host) do(method, path string, body io.Reader, headers ...string) answer {
	h.t.Helper()
	a, err := h.try(method, path, body, headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// try is do for goroutines.
func (h host) try(method, path string, body io.Reader, headers ...string) (answer, error) {
	url := path
	if strings.HasPrefix(path, "/") {
		url = h.url + path
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, url, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // redirects would be a fault
	if err != nil {
		return answer{}, err
	}
	raw, err := io.ReadAll(resp.Body)
	return answer{h.t, resp, raw}, errors.Join(err, resp.Body.Close())
}

func (h host) get(path string, headers ...string) answer {
	h.t.Helper()
	return h.do(http.MethodGet, path, nil, headers...)
}

// is checks the status and headers, which are name, value, name, value.
func (a answer) is(status int, headers ...string) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Errorf("%s %s: %d, want %d: %.500s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for i := 0; i < len(headers); i += 2 {
		if got := a.Header.Get(headers[i]); got != headers[i+1] {
			a.t.Errorf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL, headers[i], got, headers[i+1])
		}
	}
	return a
}

// fails checks the status, and that the body is an error of that code.
func (a answer) fails(status int, code string) answer {
	a.t.Helper()
	a.is(status, "Content-Type", "application/json")
	var doc struct {
		Errors []struct{ Code, Message string }
	}
	err := json.Unmarshal(a.body, &doc)
	if a.Request.Method != http.MethodHead && (err != nil || len(doc.Errors) != 1 || doc.Errors[0].Code != code || doc.Errors[0].Message == "") {
		a.t.Errorf("%s %s: %s, want %s", a.Request.Method, a.Request.URL, a.body, code)
	}
	return a
}

// decode decodes the body.
func (a answer) decode(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Errorf("%s %s: %v: %s", a.Request.Method, a.Request.URL, err, a.body)
	}
}

// put puts c into s under names.
func put(t testing.TB, s place.Sink, c placetest.Content, names ...string) {
	t.Helper()
	todo := c.Order
	if p, ok := s.(place.Planner); ok {
		var err error
		if todo, err = p.Plan(t.Context(), c.Plan(names...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range todo {
		if err := s.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(t.Context(), c.Root, names...); err != nil {
		t.Fatal(err)
	}
}

// memory returns a place with c under names.
func memory(t testing.TB, c placetest.Content, names ...string) *mem.Place {
	p := new(mem.Place)
	put(t, p, c, names...)
	return p
}

// kept are places of each kind that hold c under name, which is a full image name.
func kept(t testing.TB, c placetest.Content, name string) map[string]place.Source {
	t.Helper()
	dir := t.TempDir()
	st := newStore(t)
	put(t, st, c, name)
	lay := ocidir.New(filepath.Join(dir, "layout"), nil)
	put(t, lay, c, name)
	path := filepath.Join(dir, "images.tar")
	w, err := archive.Create(path, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, w, c, name)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(a.Close(), lay.Close()); err != nil {
			t.Error(err)
		}
	})
	return map[string]place.Source{"store": st, "layout": lay, "archive": a, "memory": memory(t, c, name)}
}

func layerOf(c placetest.Content) (v1.Descriptor, []byte) {
	return c.Order[0], c.Bytes[c.Order[0].Digest]
}

func reader(b []byte) io.Reader { return bytes.NewReader(b) }

// warnings keeps what is warned of.
func warnings() (event.Handler, func() []string) {
	var mu sync.Mutex
	var texts []string
	return func(e event.Event) {
			mu.Lock()
			defer mu.Unlock()
			text := e.Text
			if e.Err != nil {
				text += e.Err.Error()
			}
			texts = append(texts, text)
		}, func() []string {
			mu.Lock()
			defer mu.Unlock()
			return texts
		}
}
