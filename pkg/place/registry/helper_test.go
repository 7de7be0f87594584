package registry_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

// embedded returns go-containerregistry's registry.
func embedded(opts ...ggcr.Option) http.Handler {
	return ggcr.New(append(opts, ggcr.Logger(log.New(io.Discard, "", 0)))...)
}

// serve serves h on loopback and returns its host.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// name parses a name at host.
func name(t testing.TB, host, rest string) ref.Name {
	t.Helper()
	n, err := ref.ParseName(host + "/" + rest)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// client returns a client that does not sleep between tries.
func client(t testing.TB, o registry.Options) *registry.Client {
	t.Helper()
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	c := registry.NewClient(o)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// repo returns the repository a/b:1 at h.
func repo(t testing.TB, h http.Handler) *registry.Repo {
	t.Helper()
	return client(t, registry.Options{}).Repo(name(t, serve(t, h), "a/b:1"))
}

// requests counts what a handler is asked, the ping left out.
type requests struct {
	http.Handler
	mu   sync.Mutex
	seen []string // "GET manifests/1"
}

func (r *requests) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if path, ok := strings.CutPrefix(req.URL.Path, "/v2/a/b/"); ok {
		if strings.HasPrefix(path, "blobs/uploads/") {
			path = "upload"
		}
		r.mu.Lock()
		r.seen = append(r.seen, req.Method+" "+path)
		r.mu.Unlock()
	}
	r.Handler.ServeHTTP(w, req)
}

// take returns what was asked since the last take.
func (r *requests) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// put puts all of c into s, and commits it under names.
func put(t testing.TB, s place.Sink, c placetest.Content, names ...string) {
	t.Helper()
	for _, d := range c.Order {
		if err := s.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(t.Context(), c.Root, names...); err != nil {
		t.Fatal(err)
	}
}

// read returns the verified bytes of d.
func read(t testing.TB, s place.Source, d v1.Descriptor) ([]byte, error) {
	t.Helper()
	return blob.ReadAll(t.Context(), place.Opener(s, d), d, 1<<30)
}

// random returns size bytes and what describes them as a layer.
func random(size int) (v1.Descriptor, []byte) {
	b := placetest.Random(size, 42)
	return manifest.Describe("application/vnd.oci.image.layer.v1.tar", b), b
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// events keeps those of one kind.
func events(kind event.Kind) (event.Handler, func() []event.Event) {
	var mu sync.Mutex
	var list []event.Event
	return func(e event.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == kind {
				list = append(list, e)
			}
		}, func() []event.Event {
			mu.Lock()
			defer mu.Unlock()
			return list
		}
}
