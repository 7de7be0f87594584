package archive_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place/archive"
)

func TestOpenMember(t *testing.T) {
	raw := build(t).file("index.json", `{"schemaVersion":2,"manifests":[]}`).file("dir/a", "content").symlink("b", "dir/a").bytes()
	for _, kind := range []compress.Kind{compress.None, compress.Gzip, compress.Zstd} {
		a, err := archive.Read(t.Context(), bytes.NewReader(packed(t, kind, raw)), archive.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if a.Compression() != kind {
			t.Errorf("compression is %q, want %q", a.Compression(), kind)
		}
		for _, name := range []string{"dir/a", "./b"} {
			rc, err := a.OpenMember(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(rc); string(got) != "content" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if _, err := a.OpenMember(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}
