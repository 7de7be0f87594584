package layout_test

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
)

// TestReader: what has changed is read again, however soon after.
func TestReader(t *testing.T) {
	d, r := layout.Dir{Path: t.TempDir()}, new(layout.Reader)
	if _, _, err := r.Read(d); err == nil {
		t.Error("there is no layout")
	}
	root := manifest.Describe(types.OCIManifestSchema1, []byte("{}"))
	for n, name := range []string{"a", "b", "c", "d"} {
		err := d.Update(t.Context(), func(x *layout.Index) error {
			x.Add(v1.Descriptor{MediaType: root.MediaType, Digest: root.Digest, Size: root.Size}, name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			x, flat, err := r.Read(d)
			if err != nil || flat != nil || len(x.List()) != n+1 {
				t.Fatalf("after %d: %v, %v", n+1, x, err)
			}
		}
	}
}
