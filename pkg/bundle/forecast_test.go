package bundle_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/transfer"
)

// foretoldAs holds what is foretold against the archive at path, in which layer
// travels as a recipe.
func foretoldAs(t *testing.T, path string, o bundle.Options, layer v1.Descriptor, req transfer.Request) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	foretell := func(o bundle.Options) (bundle.Summary, place.Forecast) {
		var said bundle.Summary
		o.Planned = func(s bundle.Summary) { said = s }
		other := filepath.Join(t.TempDir(), "other.tar")
		w, err := archive.Create(other, archive.Options{As: archive.OCI})
		if err != nil {
			t.Fatal(err)
		}
		sink, err := bundle.NewSink(w, o)
		if err != nil {
			t.Fatal(err)
		}
		f, err := transfer.Plan(t.Context(), sink, []transfer.Request{req}, transfer.Options{})
		if err := errors.Join(err, sink.Close()); err != nil {
			t.Fatal(err)
		}
		return said, f.Sinks[0]
	}
	o.Exact = true
	if said, f := foretell(o); f.AtMost || f.Size != fi.Size() || said.Recipes != 1 || said.Likely != 0 {
		t.Errorf("exactly: %d bytes of %d, %+v", f.Size, fi.Size(), said)
	}
	o.Exact = false
	for _, likely := range []bool{true, false} {
		o.Likely = func(_ context.Context, w bundle.Wanted) (bool, error) { return likely && w.Digest == layer.Digest, nil }
		want := int64(0)
		if likely {
			want = layer.Size
		}
		if said, f := foretell(o); f.AtMost != likely || f.Size <= fi.Size() || said.Recipes != 0 || said.LikelyBytes != want {
			t.Errorf("likely %v: %d bytes, %+v", likely, f.Size, said)
		}
	}
}
