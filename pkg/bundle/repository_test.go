package bundle_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// An update that some tool has brought into a registry is read there, and any other
// name costs no request more than it did.
func TestUpdateInRegistry(t *testing.T) {
	var requests atomic.Int64
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		inner.ServeHTTP(w, r)
	}))
	defer srv.Close()
	client := registry.NewClient(registry.Options{})
	defer client.Close()
	repo := func(tag string) *registry.Repo {
		n, err := ref.ParseName(strings.TrimPrefix(srv.URL, "http://") + "/carried/app:" + tag)
		if err != nil {
			t.Fatal(err)
		}
		return client.Repo(n)
	}
	p, one, two := images(t)
	bring(t, write(t, bundle.Options{Have: have(t, p, one)}, request(p, two, v2Name)), repo("update"))
	if _, err := transfer.Copy(t.Context(), repo("plain"), []transfer.Request{request(p, one, "plain")}, transfer.Options{}); err != nil {
		t.Fatal(err)
	}

	base := new(mem.Place)
	hold(t, base, one, v1Name)
	src := bundle.OpenRepository(repo("update"), bundle.ReadOptions{With: func(context.Context) ([]place.Source, error) {
		return []place.Source{base}, nil
	}})
	root, err := src.Resolve(t.Context(), "update")
	if err != nil || root.Digest != two.Root.Digest {
		t.Fatalf("%s, %v", root.Digest, err)
	}
	dst := new(mem.Place)
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Root: root, Names: []string{"x"}}}, transfer.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}

	count := func(src place.Source) int64 {
		before := requests.Load()
		if _, err := transfer.Copy(t.Context(), new(mem.Place), []transfer.Request{{Source: src, Name: "plain", Names: []string{"x"}}}, transfer.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
		return requests.Load() - before
	}
	count(repo("plain")) // what is asked once a run
	if bare, wrapped := count(repo("plain")), count(bundle.OpenRepository(repo("plain"), bundle.ReadOptions{})); bare != wrapped {
		t.Errorf("%d requests, %d without looking for updates", wrapped, bare)
	}
}

// bring puts the artifact in the archive at path where it can be found as update, as
// tools do that know nothing of it: its layers are blobs.
func bring(t *testing.T, path string, to *registry.Repo) {
	t.Helper()
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	root, err := a.Resolve(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := place.ReadManifest(t.Context(), a, root)
	if err != nil {
		t.Fatal(err)
	}
	put := func(d v1.Descriptor, open blob.Opener) {
		if err := to.Put(t.Context(), d, open); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", d.MediaType, err))
		}
	}
	for _, d := range doc.Children() {
		open := place.Opener(a, d)
		d.MediaType = "application/octet-stream"
		put(d, open)
	}
	put(root, blob.Bytes(doc.Raw))
	if err := to.Commit(t.Context(), root, "update"); err != nil {
		t.Fatal(err)
	}
}
