package open_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// TestRecall: what a destination holds of manifests and configs is not asked for at a
// registry again, which here has lost it; what is damaged there is.
func TestRecall(t *testing.T) {
	c := placetest.Index(t, placetest.ImageSpec{}, placetest.ImageSpec{Seed: 4})
	src := new(mem.Place)
	for _, d := range c.Order {
		if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := src.Commit(t.Context(), c.Root, "a:1"); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(o *open.Options) { o.Store = "" })
	layout, tar := filepath.Join(h.dir, "layout"), filepath.Join(h.dir, "a.tar")
	for _, to := range []string{"oci:" + layout + ":1", tar} {
		h.copyTo(t, src, "a:1", []string{"example.com/a:1"}, to)
	}
	compressed := filepath.Join(h.dir, "a.tar.gz")
	h.copyTo(t, src, "a:1", []string{"example.com/a:1"}, compressed)
	damaged := filepath.Join(h.dir, "damaged")
	if err := os.CopyFS(damaged, os.DirFS(layout)); err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Order {
		if err := os.WriteFile(filepath.Join(damaged, "blobs", "sha256", d.Digest.Hex), make([]byte, d.Size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, recalled := range map[string]bool{
		"oci:" + layout + ":1": true, tar: true, "oci-archive:" + tar: true,
		compressed: false, "oci:" + damaged: false, filepath.Join(h.dir, "nothing.tar"): false, "store:a:1": false,
	} {
		h := newHouse(t, func(o *open.Options) { o.Store = "" })
		h.doors.Recall(t.Context(), parse(t, path))
		empty, err := h.doors.Source(t.Context(), parse(t, h.host+"/a:1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range c.Order {
			isDoc := manifest.Is(d.MediaType) || d.MediaType.IsConfig()
			raw, err := blob.ReadAll(t.Context(), place.Opener(empty, d), d, 1<<20)
			if got := err == nil; got != (recalled && isDoc) {
				t.Errorf("%s: %s %s: %d bytes, %v", path, d.MediaType, d.Digest, len(raw), err)
			}
		}
		if err := empty.Close(); err != nil {
			t.Error(err)
		}
	}
}
