package serve_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/serve"
)

func multi(t testing.TB) placetest.Content {
	arm := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	return placetest.Index(t, placetest.ImageSpec{Layers: []int{70_000, 0}}, placetest.ImageSpec{Platform: arm, Layers: []int{100, 5000}})
}

// everyKind runs f for a server of each kind of place that holds c as docker.io/library/app:1.
func everyKind(t *testing.T, c placetest.Content, f func(*testing.T, host)) {
	for kind, src := range kept(t, c, "docker.io/library/app:1") {
		t.Run(kind, func(t *testing.T) {
			f(t, start(t, serve.Options{Places: []serve.Place{{Source: src}}}))
		})
	}
}

// distribution-spec: Pull.
func TestPullingManifests(t *testing.T) {
	c := multi(t)
	everyKind(t, c, func(t *testing.T, h host) {
		for _, path := range []string{"app", "library/app", "docker.io/library/app"} {
			url := "/v2/" + path + "/manifests/"
			for _, id := range []string{"1", c.Root.Digest.String()} {
				headers := []string{
					"Content-Type", string(c.Root.MediaType), "Docker-Content-Digest", c.Root.Digest.String(),
					"Content-Length", fmt.Sprint(c.Root.Size), "Docker-Distribution-API-Version", "registry/2.0",
				}
				if got := h.get(url+id).is(http.StatusOK, headers...); !bytes.Equal(got.body, c.Bytes[c.Root.Digest]) {
					t.Errorf("%s: other bytes", url+id)
				}
				h.do(http.MethodHead, url+id, nil).is(http.StatusOK, headers...)
			}
			for _, d := range c.Order { // the images of the index
				if manifest.Is(d.MediaType) {
					h.get(url+d.Digest.String()).is(http.StatusOK, "Content-Type", string(d.MediaType))
				}
			}
		}
		h.get("/v2/app/manifests/2").fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
		h.get("/v2/app/manifests/.INVALID").fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
		h.do(http.MethodHead, "/v2/app/manifests/2", nil).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
		h.get("/v2/other/manifests/1").fails(http.StatusNotFound, "NAME_UNKNOWN")
		h.get("/v2/App/manifests/1").fails(http.StatusBadRequest, "NAME_INVALID")
		h.get("/v2/app/manifests/sha256:abc").fails(http.StatusBadRequest, "DIGEST_INVALID")
		layer, _ := layerOf(c)
		h.get("/v2/app/manifests/"+layer.Digest.String()).fails(http.StatusNotFound, "MANIFEST_UNKNOWN")
	})
}

// distribution-spec: Pulling blobs.
func TestPullingBlobs(t *testing.T) {
	c := multi(t)
	everyKind(t, c, func(t *testing.T, h host) {
		for _, d := range c.Order {
			url := "/v2/library/app/blobs/" + d.Digest.String()
			headers := []string{
				"Content-Type", "application/octet-stream", "Content-Length", fmt.Sprint(d.Size),
				"Docker-Content-Digest", d.Digest.String(), "Accept-Ranges", "bytes",
			}
			if got := h.get(url).is(http.StatusOK, headers...); !bytes.Equal(got.body, c.Bytes[d.Digest]) {
				t.Errorf("%s: other bytes", url)
			}
			h.do(http.MethodHead, url, nil).is(http.StatusOK, headers...)
		}
		gone := placetest.Image(t, placetest.ImageSpec{Seed: 99}).Root.Digest.String()
		h.get("/v2/app/blobs/"+gone).fails(http.StatusNotFound, "BLOB_UNKNOWN")
		h.do(http.MethodHead, "/v2/app/blobs/"+gone, nil).fails(http.StatusNotFound, "BLOB_UNKNOWN")
		h.get("/v2/other/blobs/"+c.Order[0].Digest.String()).fails(http.StatusNotFound, "NAME_UNKNOWN")
		h.get("/v2/app/blobs/latest").fails(http.StatusBadRequest, "DIGEST_INVALID")
	})
}

// distribution-spec: Pulling blobs, byte ranges.
func TestRanges(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{50_000}})
	layer, whole := layerOf(c)
	size := len(whole)
	everyKind(t, c, func(t *testing.T, h host) {
		url := "/v2/app/blobs/" + layer.Digest.String()
		for spec, want := range map[string][2]int{
			"bytes=0-0":                      {0, 1},
			"bytes=10-19":                    {10, 20},
			"bytes=700-":                     {700, size},
			"bytes=-5":                       {size - 5, size},
			"bytes=-9999999":                 {0, size},
			"bytes=100-999999":               {100, size},
			fmt.Sprintf("bytes=%d-", size-1): {size - 1, size},
		} {
			got := h.get(url, "Range", spec).is(http.StatusPartialContent,
				"Content-Range", fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, size), "Content-Length", fmt.Sprint(want[1]-want[0]))
			if !bytes.Equal(got.body, whole[want[0]:want[1]]) {
				t.Errorf("%s: other bytes", spec)
			}
		}
		for _, spec := range []string{"bytes=a-b", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=+1-2", "bytes=1"} {
			h.get(url, "Range", spec).is(http.StatusOK, "Content-Length", fmt.Sprint(size))
		}
		for _, spec := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=9999999-99999999", "bytes=-0", "bytes=5-1"} {
			h.get(url, "Range", spec).fails(http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID").
				is(http.StatusRequestedRangeNotSatisfiable, "Content-Range", fmt.Sprintf("bytes */%d", size))
		}
		h.do(http.MethodHead, url, nil, "Range", "bytes=0-1").is(http.StatusOK)
	})
}

func TestEntityTags(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	layer, _ := layerOf(c)
	h := start(t, serve.Options{Places: []serve.Place{{Source: memory(t, c, "example.com/app:1")}}})
	for _, url := range []string{"/v2/app/manifests/1", "/v2/app/blobs/" + layer.Digest.String()} {
		etag := h.get(url).is(http.StatusOK).Header.Get("ETag")
		for _, given := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
			if got := h.get(url, "If-None-Match", given).is(http.StatusNotModified); len(got.body) > 0 {
				t.Errorf("%s: a body of %d bytes", url, len(got.body))
			}
		}
		h.get(url, "If-None-Match", `"x"`).is(http.StatusOK)
		h.get(url, "Range", "bytes=1-2", "If-Range", etag).is(http.StatusPartialContent)
		h.get(url, "Range", "bytes=1-2", "If-Range", `"x"`).is(http.StatusOK)
	}
}

// What is damaged is not served as a manifest, and clients are not told why.
func TestDamagedManifest(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	events, said := warnings()
	h := start(t, serve.Options{Places: []serve.Place{{Source: damaged{memory(t, c, "example.com/app:1")}}}, Events: events})
	a := h.get("/v2/app/manifests/1").fails(http.StatusInternalServerError, "UNKNOWN")
	if strings.Contains(string(a.body), "sha256") {
		t.Errorf("the client is told %s", a.body)
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "does not match") {
		t.Errorf("said %q", got)
	}
}

// distribution-spec: Determining Support.
func TestDeterminingSupport(t *testing.T) {
	h := start(t, serve.Options{})
	h.get("/v2/").is(http.StatusOK, "Docker-Distribution-API-Version", "registry/2.0", "Content-Type", "application/json")
	h.do(http.MethodHead, "/v2/", nil).is(http.StatusOK)
	h.get("/").fails(http.StatusNotFound, "UNSUPPORTED")
	h.get("/v2/a/b").fails(http.StatusNotFound, "UNSUPPORTED")
	h.get("/v2/../etc/passwd").fails(http.StatusNotFound, "UNSUPPORTED")
	h.get("/v2/a/%2e%2e/manifests/1").fails(http.StatusBadRequest, "NAME_INVALID")
	h.get("/healthz").is(http.StatusOK)
}

// distribution-spec: writing is not there in a registry that is read-only.
func TestReadOnly(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	h := start(t, serve.Options{Places: []serve.Place{{Source: memory(t, c, "example.com/app:1")}}})
	id := c.Order[0].Digest.String()
	for _, each := range [][2]string{
		{http.MethodPost, "/v2/app/blobs/uploads/"},
		{http.MethodPut, "/v2/app/manifests/1"},
		{http.MethodDelete, "/v2/app/manifests/1"},
		{http.MethodDelete, "/v2/app/blobs/" + id},
		{http.MethodPatch, "/v2/app/blobs/uploads/x"},
		{http.MethodGet, "/v2/app/blobs/uploads/x"},
		{http.MethodPost, "/v2/"},
		{http.MethodOptions, "/v2/app/manifests/1"},
	} {
		h.do(each[0], each[1], strings.NewReader("{}")).fails(http.StatusMethodNotAllowed, "UNSUPPORTED")
	}
}

func TestManyPullsAtOnce(t *testing.T) {
	c := multi(t)
	everyKind(t, c, func(t *testing.T, h host) {
		var g errgroup.Group
		for range 32 {
			g.Go(func() error {
				for _, d := range c.Order {
					word := "blobs"
					if manifest.Is(d.MediaType) {
						word = "manifests"
					}
					got, err := h.try(http.MethodGet, "/v2/app/"+word+"/"+d.Digest.String(), nil)
					if err != nil || !bytes.Equal(got.body, c.Bytes[d.Digest]) {
						return fmt.Errorf("%s: %d, %d bytes, %w", d.Digest, got.StatusCode, len(got.body), err)
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// damaged changes a byte of all content.
type damaged struct{ place.Source }

func (d damaged) Unwrap() place.Source { return d.Source }

func (d damaged) OpenFile(ctx context.Context, h v1.Hash) (place.File, error) {
	f, err := d.Source.(place.Filer).OpenFile(ctx, h)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	b[len(b)/2] ^= 1
	return place.FileAt(bytes.NewReader(b), 0, f.Size()), err
}
