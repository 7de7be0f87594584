package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func images(t testing.TB, form archive.Form) []named {
	t.Helper()
	app := placetest.Image(t, placetest.ImageSpec{Layers: []int{70_000, 10, 0}})
	other := placetest.Image(t, placetest.ImageSpec{Layers: []int{70_000, 99}, Docker: true})
	all := []named{
		{app, []string{name, "docker.io/library/app:latest"}},
		{other, []string{"example.com/other:2"}},
	}
	if form != archive.Docker {
		arm := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
		all = append(all, named{placetest.Index(t, placetest.ImageSpec{Seed: 3}, placetest.ImageSpec{Seed: 4, Platform: arm}), []string{"example.com/multi:3"}})
	}
	return all
}

// Archives of the same images are the same byte for byte: in whatever order the
// plan and the content come, written at once or one after the other, today and,
// which the sums hold, in versions to come.
func TestSameBytes(t *testing.T) {
	for form, want := range map[archive.Form]string{
		archive.Hybrid: "67fd2da5268e180012448423d57f932c1403ce6527c80d9481ed2884ebdeb5b1",
		archive.Docker: "38626bbfe823e6365752c0196819777bf6ad2b47236b84e2a3a61d70b3a1bc6b",
		archive.OCI:    "8a9da770aaebc530c482e447c06a8a8c3ed555ffb74e4d54cf8f5f7322232060",
	} {
		for seed := range uint64(4) {
			path := filepath.Join(t.TempDir(), "images.tar")
			if err := write(t.Context(), create(t, path, archive.Options{As: form}), seed, images(t, form)...); err != nil {
				t.Fatal(err)
			}
			if got := inFolder(t, path); !cmp.Equal(got, []string{"images.tar"}) {
				t.Errorf("%s: %q stays", form, got)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var buf bytes.Buffer
			if err := write(t.Context(), stream(t, &buf, archive.Options{As: form}), seed, images(t, form)...); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(file, buf.Bytes()) {
				t.Errorf("%s: file and stream differ", form)
			}
			if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != want {
				t.Fatalf("%s with seed %d: sha256 is %x, was %s", form, seed, sum, want)
			}
		}
	}
}

func TestMembers(t *testing.T) {
	for _, form := range forms {
		var buf bytes.Buffer
		if err := write(t.Context(), stream(t, &buf, archive.Options{As: form}), 1, images(t, form)...); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		seen := map[string]bool{}
		for r := tar.NewReader(&buf); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if seen[h.Name] {
				t.Errorf("%s: %s stands twice", form, h.Name)
			}
			seen[h.Name] = true
			if h.ModTime.Unix() != 0 || h.Uid+h.Gid != 0 || h.Uname+h.Gname != "" || h.Mode != 0o644 && h.Typeflag == tar.TypeReg {
				t.Errorf("%s: %+v says more than name and size", form, h)
			}
			if k := kindOf(t, h.Name, r); len(kinds) == 0 || kinds[len(kinds)-1] != k {
				kinds = append(kinds, k)
			}
		}
		want := map[archive.Form]string{
			archive.Hybrid: "oci-layout index.json manifest.json folder index manifest config layer",
			archive.OCI:    "oci-layout index.json folder index manifest config layer",
			archive.Docker: "manifest.json config layer",
		}[form]
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("%s: the order is %s, want %s", form, got, want)
		}
	}
}

// kindOf says what a member is by what is in it.
func kindOf(t *testing.T, name string, r io.Reader) string {
	t.Helper()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case strings.HasSuffix(name, "/"):
		return "folder"
	case name == "manifest.json" || name == "index.json" || name == "oci-layout":
		return name
	case bytes.Contains(raw, []byte(`"manifests":`)):
		return "index"
	case bytes.Contains(raw, []byte(`"layers":`)) && bytes.HasPrefix(raw, []byte(`{"schemaVersion"`)):
		return "manifest"
	case bytes.HasPrefix(raw, []byte("{")):
		return "config"
	}
	return "layer"
}
