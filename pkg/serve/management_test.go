package serve_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/serve"
)

const minute = time.Minute

// A clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)} }

func (c *clock) get() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// distribution-spec: Content Management, Deleting tags.
func TestDeletingTags(t *testing.T) {
	h, st := startStore(t)
	c := placetest.Image(t, placetest.ImageSpec{})
	for _, tag := range []string{"1", "2"} {
		h.push("a/b", c, tag).is(http.StatusCreated)
	}
	h.do(http.MethodDelete, "/v2/a/b/manifests/1", nil).is(http.StatusAccepted)
	h.get("/v2/a/b/manifests/1").fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	h.get("/v2/a/b/manifests/2").is(http.StatusOK)
	h.do(http.MethodDelete, "/v2/a/b/manifests/1", nil).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	if got := names(t, st); len(got) != 1 || got[0] != "docker.io/a/b:2" {
		t.Errorf("names %q", got)
	}
}

// distribution-spec: Content Management, Deleting Manifests.
func TestDeletingManifests(t *testing.T) {
	h, st := startStore(t)
	c := multi(t)
	for _, at := range [][2]string{{"a/b", "1"}, {"a/b", "2"}, {"other", "1"}} {
		h.push(at[0], c, at[1]).is(http.StatusCreated)
	}
	url := "/v2/a/b/manifests/" + c.Root.Digest.String()
	h.do(http.MethodDelete, url, nil).is(http.StatusAccepted)
	h.get(url).fails(http.StatusNotFound, "NAME_UNKNOWN")
	h.do(http.MethodDelete, url, nil).fails(http.StatusNotFound, "NAME_UNKNOWN")
	h.get("/v2/other/manifests/1").is(http.StatusOK)
	if got := names(t, st); len(got) != 1 || got[0] != "docker.io/library/other:1" {
		t.Errorf("names %q", got)
	}
	// What only an index lists has no name to remove.
	h.do(http.MethodDelete, "/v2/other/manifests/"+c.Order[2].Digest.String(), nil).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
}

// distribution-spec: Content Management, Deleting Blobs; and everything where it is not allowed.
func TestDeletingIsNotAllowed(t *testing.T) {
	h, _ := startStore(t)
	c := placetest.Image(t, placetest.ImageSpec{})
	h.push("a", c, "1").is(http.StatusCreated)
	h.do(http.MethodDelete, "/v2/a/blobs/"+c.Order[0].Digest.String(), nil).fails(http.StatusMethodNotAllowed, "UNSUPPORTED")
	keep := start(t, serve.Options{Places: []serve.Place{{Source: newStore(t)}}, Writable: true})
	keep.push("a", c, "1").is(http.StatusCreated)
	for _, id := range []string{"1", c.Root.Digest.String()} {
		keep.do(http.MethodDelete, "/v2/a/manifests/"+id, nil).fails(http.StatusMethodNotAllowed, "UNSUPPORTED")
		keep.get("/v2/a/manifests/" + id).is(http.StatusOK)
	}
}

// Prune has its turn while nobody asks for anything, but not between a blob and
// the manifest that gives it a name.
func TestPruneBesideAServer(t *testing.T) {
	now := newClock()
	st := newStore(t)
	h := start(t, serve.Options{Places: []serve.Place{{Source: st}}, Writable: true, Now: now.get})
	isFree := func() bool {
		t.Helper()
		unlock, ok, err := layoutOf(st).TryLock(true)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			unlock()
		}
		return ok
	}
	h.get("/v2/_catalog").is(http.StatusOK)
	if !isFree() {
		t.Error("the store is held though nobody asks")
	}
	d, raw := random(100, 1)
	h.do(http.MethodPost, "/v2/a/blobs/uploads/?digest="+d.Digest.String(), reader(raw)).is(http.StatusCreated)
	if isFree() {
		t.Error("a blob that has no name yet can be pruned")
	}
	now.advance(time.Hour)
	if err := serve.Sweep(h.server); err != nil {
		t.Fatal(err)
	}
	if !isFree() {
		t.Error("the store is held for ever")
	}
}
