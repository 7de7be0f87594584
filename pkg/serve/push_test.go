package serve_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/serve"
)

// begin begins an upload and returns where it goes on.
func (h host) begin(repository string) string {
	h.t.Helper()
	a := h.do(http.MethodPost, "/v2/"+repository+"/blobs/uploads/", nil).is(http.StatusAccepted, "Range", "0-0")
	at := a.Header.Get("Location")
	if !strings.HasPrefix(at, "/v2/"+repository+"/blobs/uploads/") || len(at) < 40 {
		h.t.Errorf("Location %q", at)
	}
	return at
}

func withDigest(at string, d v1.Hash) string { return at + "?digest=" + url.QueryEscape(d.String()) }

// stands checks that a blob is there.
func (h host) stands(repository string, d v1.Descriptor, content []byte) {
	h.t.Helper()
	a := h.get("/v2/" + repository + "/blobs/" + d.Digest.String()).is(http.StatusOK)
	if !bytes.Equal(a.body, content) {
		h.t.Errorf("%s: other bytes", d.Digest)
	}
}

func random(size int, seed uint64) (v1.Descriptor, []byte) {
	b := placetest.Random(size, seed)
	return manifest.Describe("", b), b
}

// distribution-spec: Pushing a blob monolithically, POST then PUT.
func TestPostThenPut(t *testing.T) {
	h, _ := startStore(t)
	d, raw := random(100_000, 1)
	at := h.begin("new/repo")
	h.do(http.MethodPut, withDigest(at, d.Digest), reader(raw), "Content-Type", "application/octet-stream").
		is(http.StatusCreated, "Location", "/v2/new/repo/blobs/"+d.Digest.String(), "Docker-Content-Digest", d.Digest.String())
	h.stands("new/repo", d, raw)
	h.do(http.MethodHead, "/v2/new/repo/blobs/"+d.Digest.String(), nil).is(http.StatusOK, "Content-Length", fmt.Sprint(d.Size))
	h.get(at).fails(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
}

// distribution-spec: Pushing a blob monolithically, single POST.
func TestSinglePost(t *testing.T) {
	h, _ := startStore(t)
	for _, size := range []int{100_000, 0} {
		d, raw := random(size, 2)
		h.do(http.MethodPost, "/v2/a/blobs/uploads/?digest="+d.Digest.String(), reader(raw)).
			is(http.StatusCreated, "Location", "/v2/a/blobs/"+d.Digest.String())
		h.stands("a", d, raw)
	}
	h.do(http.MethodPost, "/v2/a/blobs/uploads/?digest=sha256:x", reader(nil)).fails(http.StatusBadRequest, "DIGEST_INVALID")
}

// distribution-spec: Pushing a blob in chunks.
func TestChunks(t *testing.T) {
	h, _ := startStore(t)
	d, raw := random(100_000, 3)
	at := h.begin("a/b")
	send := func(from, to int) answer {
		return h.do(http.MethodPatch, at, reader(raw[from:to]), "Content-Range", fmt.Sprintf("%d-%d", from, to-1))
	}
	send(0, 30_000).is(http.StatusAccepted, "Range", "0-29999", "Location", at)
	send(50_000, 60_000).fails(http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID").
		is(http.StatusRequestedRangeNotSatisfiable, "Range", "0-29999", "Location", at)
	send(0, 30_000).fails(http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID")
	h.do(http.MethodPatch, at, reader(raw[:10]), "Content-Range", "30000-30010").fails(http.StatusBadRequest, "SIZE_INVALID")
	h.do(http.MethodPatch, at, reader(raw[:10]), "Content-Range", "x").fails(http.StatusBadRequest, "BLOB_UPLOAD_INVALID")
	h.get(at).is(http.StatusNoContent, "Range", "0-29999", "Location", at)
	send(30_000, 80_000).is(http.StatusAccepted, "Range", "0-79999")
	h.do(http.MethodPut, at, reader(raw[80_000:])).fails(http.StatusBadRequest, "DIGEST_INVALID")
	h.do(http.MethodPut, withDigest(at, d.Digest), reader(raw[80_000:]), "Content-Range", "80000-99999").is(http.StatusCreated)
	h.stands("a/b", d, raw)
}

// A stream without Content-Range, as Docker sends it, and the end without content.
func TestStream(t *testing.T) {
	h, _ := startStore(t)
	d, raw := random(100_000, 4)
	at := h.begin("a")
	h.do(http.MethodPatch, at, io.MultiReader(reader(raw[:70_000]))).is(http.StatusAccepted, "Range", "0-69999") // no Content-Length
	h.do(http.MethodPatch, at, reader(raw[70_000:])).is(http.StatusAccepted, "Range", "0-99999")
	h.do(http.MethodPut, withDigest(at, d.Digest), nil).is(http.StatusCreated)
	h.stands("a", d, raw)
}

// What came before a connection broke is kept, and told.
func TestResumeAfterACut(t *testing.T) {
	h, _ := startStore(t)
	d, raw := random(100_000, 5)
	at := h.begin("a")
	cut := io.MultiReader(reader(raw[:40_000]), failing{})
	if _, err := h.try(http.MethodPatch, at, cut, "Content-Range", "0-99999"); err == nil {
		t.Fatal("the request did not break")
	}
	h.resume(at, raw, 40_000)
	h.do(http.MethodPut, withDigest(at, d.Digest), nil).is(http.StatusCreated)
	h.stands("a", d, raw)
}

// resume goes on with an upload as clients do: it asks how much there is, which is
// at most sent, and when told that by now it is more, asks again. A request that
// was cut may arrive after the question, and a reset overtake what went before it.
func (h host) resume(at string, raw []byte, sent int) {
	h.t.Helper()
	for range 10 {
		var last, from int
		if _, err := fmt.Sscanf(h.get(at).is(http.StatusNoContent).Header.Get("Range"), "0-%d", &last); err != nil || last >= sent {
			h.t.Fatalf("after the cut the last byte is %d: %v", last, err)
		}
		if last > 0 {
			from = last + 1
		}
		a := h.do(http.MethodPatch, at, reader(raw[from:]), "Content-Range", fmt.Sprintf("%d-%d", from, len(raw)-1))
		if a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
			a.is(http.StatusAccepted)
			return
		}
	}
	h.t.Fatal("the upload never says how much there is")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A connection may break without a word: the next request takes the upload over.
func TestTakeOver(t *testing.T) {
	h, _ := startStore(t)
	serve.CutAfter(h.server, 0)
	d, raw := random(100_000, 6)
	at := h.begin("a")
	r, w := io.Pipe()
	hung := make(chan answer)
	go func() {
		a, _ := h.try(http.MethodPatch, at, r)
		hung <- a
	}()
	if _, err := w.Write(raw[:40_000]); err != nil {
		t.Fatal(err)
	}
	h.resume(at, raw, 40_000)
	h.do(http.MethodPut, withDigest(at, d.Digest), nil).is(http.StatusCreated)
	h.stands("a", d, raw)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if a := <-hung; a.Response != nil && a.StatusCode < http.StatusBadRequest {
		t.Errorf("the one that hung: %d", a.StatusCode)
	}
}

func TestWrongContentIsRefused(t *testing.T) {
	h, st := startStore(t)
	d, raw := random(1000, 7)
	other := bytes.Clone(raw)
	other[500] ^= 1
	for name, body := range map[string][]byte{"other bytes": other, "cut": raw[:999], "longer": append(bytes.Clone(raw), 0), "nothing": nil} {
		at := h.begin("a")
		h.do(http.MethodPut, withDigest(at, d.Digest), reader(body)).fails(http.StatusBadRequest, "DIGEST_INVALID")
		h.get(at).fails(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		if has, err := st.Has(t.Context(), d); has || err != nil {
			t.Errorf("%s: Has = %v, %v", name, has, err)
		}
	}
	h.get("/v2/a/blobs/"+d.Digest.String()).fails(http.StatusNotFound, "BLOB_UNKNOWN")
}

// distribution-spec: Mounting a blob from another repository.
func TestMounting(t *testing.T) {
	h, _ := startStore(t)
	d, raw := random(1000, 8)
	mount := "/v2/b/blobs/uploads/?mount=" + d.Digest.String() + "&from=a"
	a := h.do(http.MethodPost, mount, nil).is(http.StatusAccepted)
	if a.Header.Get("Location") == "" {
		t.Error("what cannot be mounted begins no upload")
	}
	h.do(http.MethodPost, "/v2/a/blobs/uploads/?digest="+d.Digest.String(), reader(raw)).is(http.StatusCreated)
	h.do(http.MethodPost, mount, nil).is(http.StatusCreated, "Location", "/v2/b/blobs/"+d.Digest.String())
	h.do(http.MethodPost, "/v2/b/blobs/uploads/?mount="+d.Digest.String(), nil).is(http.StatusCreated)
	h.stands("b", d, raw)
	h.do(http.MethodPost, "/v2/b/blobs/uploads/?mount=x&from=a", nil).fails(http.StatusBadRequest, "DIGEST_INVALID")
}

// distribution-spec: Cancel a blob upload.
func TestCancelAnUpload(t *testing.T) {
	h, _ := startStore(t)
	at := h.begin("a")
	h.do(http.MethodDelete, strings.Replace(at, "/a/", "/b/", 1), nil).fails(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
	h.do(http.MethodDelete, at, nil).is(http.StatusNoContent)
	h.do(http.MethodDelete, at, nil).fails(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
	h.do(http.MethodPatch, at, reader([]byte("x"))).fails(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
}

// push pushes c by its parts, and its root under id.
func (h host) push(repository string, c placetest.Content, id string) answer {
	h.t.Helper()
	for _, d := range c.Order {
		switch {
		case d.Digest == c.Root.Digest:
		case manifest.Is(d.MediaType):
			h.do(http.MethodPut, "/v2/"+repository+"/manifests/"+d.Digest.String(), reader(c.Bytes[d.Digest]), "Content-Type", string(d.MediaType)).is(http.StatusCreated)
		default:
			h.do(http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+d.Digest.String(), reader(c.Bytes[d.Digest])).is(http.StatusCreated)
		}
	}
	return h.do(http.MethodPut, "/v2/"+repository+"/manifests/"+id, reader(c.Bytes[c.Root.Digest]), "Content-Type", string(c.Root.MediaType))
}

// names returns the names in a store.
func names(t testing.TB, st *store.Store) (all []string) {
	t.Helper()
	if err := st.List(t.Context(), func(e place.Entry) error { all = append(all, e.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// distribution-spec: Pushing Manifests.
func TestPushingManifests(t *testing.T) {
	h, st := startStore(t)
	c := multi(t)
	h.push("team/app", c, "1").is(http.StatusCreated,
		"Location", "/v2/team/app/manifests/"+c.Root.Digest.String(), "Docker-Content-Digest", c.Root.Digest.String(), "OCI-Subject", "")
	for _, d := range c.Order {
		if manifest.Is(d.MediaType) {
			h.get("/v2/team/app/manifests/"+d.Digest.String()).is(http.StatusOK, "Content-Type", string(d.MediaType))
		}
	}
	// The images of the index stand below it, and need no names of their own.
	if got := names(t, st); len(got) != 1 || got[0] != "docker.io/team/app:1" {
		t.Errorf("names %q", got)
	}
	if p, err := st.Prune(t.Context(), store.PruneOptions{DryRun: true}); err != nil || p.Blobs != 0 {
		t.Errorf("prune would remove %+v, %v", p, err)
	}
	h.push("ghcr.io/org/app", c, "1").is(http.StatusCreated)
	h.push("alpine", c, c.Root.Digest.String()).is(http.StatusCreated)
	if got := fmt.Sprint(names(t, st)); got != "[docker.io/library/alpine@"+c.Root.Digest.String()+" docker.io/team/app:1 ghcr.io/org/app:1]" {
		t.Errorf("names %s", got)
	}
	h.get("/v2/org/app/manifests/1").is(http.StatusOK)
	h.get("/v2/library/alpine/manifests/" + c.Root.Digest.String()).is(http.StatusOK)
	h.do(http.MethodPut, "/v2/h_5000/a/manifests/1", reader(c.Bytes[c.Root.Digest])).is(http.StatusCreated) // a name like any other
	h.do(http.MethodPut, "/v2/a.b_5/a/manifests/1", reader(c.Bytes[c.Root.Digest])).fails(http.StatusBadRequest, "NAME_INVALID")
}

// A tag whose image is lost is made good by a push: what is lost cannot be kept.
func TestATagThatIsLost(t *testing.T) {
	h, st := startStore(t)
	one, two := placetest.Image(t, placetest.ImageSpec{Seed: 1}), multi(t)
	h.push("team/app", one, "1").is(http.StatusCreated)
	if err := os.Remove(filepath.Join(st.Path(), "blobs", "sha256", one.Root.Digest.Hex)); err != nil {
		t.Fatal(err)
	}
	h.push("team/app", two, "1").is(http.StatusCreated)
	if got := fmt.Sprint(names(t, st)); got != "[docker.io/team/app:1]" {
		t.Errorf("names %s", got)
	}
}

// What a tag stood for before it was pushed anew is still there by its digest, until
// somebody prunes it, and once only.
func TestTagsThatMove(t *testing.T) {
	h, st := startStore(t)
	one, two := placetest.Image(t, placetest.ImageSpec{Seed: 1}), multi(t)
	byDigest := "docker.io/team/app@" + one.Root.Digest.String()
	h.push("team/app", one, "1").is(http.StatusCreated)
	h.push("team/app", two, "1").is(http.StatusCreated)
	h.get("/v2/team/app/manifests/" + one.Root.Digest.String()).is(http.StatusOK)
	if got := fmt.Sprint(names(t, st)); got != "[docker.io/team/app:1 "+byDigest+"]" {
		t.Errorf("moved: %s", got)
	}
	h.push("team/app", two, "1").is(http.StatusCreated) // the same again
	h.push("team/app", one, "old").is(http.StatusCreated)
	if got := fmt.Sprint(names(t, st)); got != "[docker.io/team/app:1 docker.io/team/app:old]" {
		t.Errorf("tagged again: %s", got)
	}
	h.push("team/app", one, "older").is(http.StatusCreated)
	h.push("team/app", two, "older").is(http.StatusCreated) // :old still stands for it
	h.push("team/app", two, "old").is(http.StatusCreated)
	if got := fmt.Sprint(names(t, st)); got != "[docker.io/team/app:1 docker.io/team/app:old docker.io/team/app:older "+byDigest+"]" {
		t.Errorf("moved again: %s", got)
	}
	if p, err := st.Prune(t.Context(), store.PruneOptions{}); err != nil || p.Blobs != 0 || p.Names != 0 {
		t.Errorf("pruned %+v, %v", p, err)
	}
	dry, err := st.Prune(t.Context(), store.PruneOptions{DryRun: true, Untagged: true})
	if err != nil || dry.Names != 1 || dry.Blobs != len(one.Order) {
		t.Errorf("would prune %+v, %v", dry, err)
	}
	if p, err := st.Prune(t.Context(), store.PruneOptions{Untagged: true}); err != nil || p != dry {
		t.Errorf("pruned %+v, %v, not %+v", p, err, dry)
	}
	h.get("/v2/team/app/manifests/"+one.Root.Digest.String()).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	h.get("/v2/team/app/manifests/old").is(http.StatusOK)
}

// distribution-spec: Pushing Manifests, what is refused.
func TestManifestsThatAreRefused(t *testing.T) {
	h, st := startStore(t)
	c := placetest.Image(t, placetest.ImageSpec{})
	raw := c.Bytes[c.Root.Digest]
	mt := string(c.Root.MediaType)
	url := "/v2/a/manifests/"
	h.do(http.MethodPut, url+"1", reader(raw), "Content-Type", mt).fails(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN")
	for _, d := range c.Order[:len(c.Order)-1] {
		h.do(http.MethodPost, "/v2/a/blobs/uploads/?digest="+d.Digest.String(), reader(c.Bytes[d.Digest])).is(http.StatusCreated)
	}
	h.do(http.MethodPut, url+"1", reader(raw), "Content-Type", "application/vnd.oci.image.index.v1+json").fails(http.StatusBadRequest, "MANIFEST_INVALID")
	h.do(http.MethodPut, url+"1", reader(raw[1:]), "Content-Type", mt).fails(http.StatusBadRequest, "MANIFEST_INVALID")
	h.do(http.MethodPut, url+"1", reader([]byte(`{"schemaVersion":1,"fsLayers":[]}`))).fails(http.StatusBadRequest, "MANIFEST_INVALID")
	h.do(http.MethodPut, url+"1", reader(bytes.Replace(raw, []byte(`"size":`), []byte(`"size":1`), 1)), "Content-Type", mt).fails(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN")
	h.do(http.MethodPut, url+c.Order[0].Digest.String(), reader(raw), "Content-Type", mt).fails(http.StatusBadRequest, "DIGEST_INVALID")
	h.do(http.MethodPut, url+".x", reader(raw), "Content-Type", mt).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	h.do(http.MethodPut, url+"1", reader(make([]byte, manifest.MaxBytes+1))).fails(http.StatusRequestEntityTooLarge, "SIZE_INVALID")
	h.do(http.MethodPut, url+"1", reader(raw), "Origin", "http://evil.example").fails(http.StatusForbidden, "DENIED")
	if got := names(t, st); len(got) > 0 {
		t.Errorf("names %q", got)
	}
	h.do(http.MethodPut, url+"1", reader(raw), "Content-Type", mt+"; charset=utf-8").is(http.StatusCreated)
}

// distribution-spec: Pushing Manifests with Subject.
func TestPushingManifestsWithSubject(t *testing.T) {
	h, st := startStore(t)
	img := placetest.Image(t, placetest.ImageSpec{})
	sig := artifact(t, img.Root, "example/signature", 1)
	url := "/v2/a/referrers/" + img.Root.Digest.String()
	if got := referrersOf(h.get(url).is(http.StatusOK)); len(got) > 0 {
		t.Errorf("before: %q", got)
	}
	// The subject need not be there yet.
	h.push("a", sig, sig.Root.Digest.String()).is(http.StatusCreated, "OCI-Subject", img.Root.Digest.String())
	h.push("a", img, "1").is(http.StatusCreated)
	if got := referrersOf(h.get(url).is(http.StatusOK)); len(got) != 1 || got[0] != sig.Root.Digest.String() {
		t.Errorf("after: %q", got)
	}
	if p, err := st.Prune(t.Context(), store.PruneOptions{DryRun: true}); err != nil || p.Blobs != 0 {
		t.Errorf("prune would remove %+v, %v", p, err)
	}
}

// Content that only another place has is taken over by what is pushed.
func TestAdoption(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{5000}})
	st := newStore(t)
	h := start(t, serve.Options{
		Places:   []serve.Place{{Source: st}, {Source: memory(t, c, "example.com/a:1")}},
		Writable: true, AllowDelete: true,
	})
	h.do(http.MethodHead, "/v2/b/blobs/"+c.Order[0].Digest.String(), nil).is(http.StatusOK)
	h.do(http.MethodPut, "/v2/b/manifests/1", reader(c.Bytes[c.Root.Digest]), "Content-Type", string(c.Root.MediaType)).is(http.StatusCreated)
	for _, d := range c.Order {
		if has, err := st.Has(t.Context(), d); !has || err != nil {
			t.Errorf("%s: %v, %v", d.Digest, has, err)
		}
	}
	h.do(http.MethodDelete, "/v2/a/manifests/1", nil).fails(http.StatusMethodNotAllowed, "UNSUPPORTED")
}

func TestUploadLimits(t *testing.T) {
	now := newClock()
	h := start(t, serve.Options{
		Places: []serve.Place{{Source: newStore(t)}}, Writable: true, Now: now.get,
		Uploads: serve.UploadLimits{Most: 2, Bytes: 10_000},
	})
	first, second := h.begin("a"), h.begin("a")
	h.do(http.MethodPost, "/v2/a/blobs/uploads/", nil).fails(http.StatusTooManyRequests, "TOOMANYREQUESTS")
	h.do(http.MethodPatch, first, reader(make([]byte, 9000))).is(http.StatusAccepted)
	h.do(http.MethodPatch, second, reader(make([]byte, 1001))).fails(http.StatusInsufficientStorage, "TOOMANYREQUESTS")
	h.do(http.MethodDelete, first, nil).is(http.StatusNoContent)
	h.do(http.MethodPatch, second, reader(make([]byte, 9000))).is(http.StatusAccepted)
	third := h.begin("a")
	now.advance(59 * minute)
	h.get(second).is(http.StatusNoContent)
	now.advance(2 * minute)
	if err := serve.Sweep(h.server); err != nil {
		t.Error(err)
	}
	h.get(second).is(http.StatusNoContent)
	h.get(third).fails(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
}
