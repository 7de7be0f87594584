package archive_test

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// Content of an archive that is replaced while it is open is read from the old
// one, as its offsets are those of the old one.
func TestOpenFileOfAReplacedArchive(t *testing.T) {
	dir := t.TempDir()
	path, next := filepath.Join(dir, "a.tar"), filepath.Join(dir, "b.tar")
	one := placetest.Image(t, placetest.ImageSpec{Layers: []int{70_000}})
	two := placetest.Image(t, placetest.ImageSpec{Layers: []int{10, 90_000}, Seed: 2})
	for path, img := range map[string]placetest.Content{path: one, next: two} {
		if err := write(t.Context(), create(t, path, archive.Options{}), 1, named{img, []string{name}}); err != nil {
			t.Fatal(err)
		}
	}
	a := open(t, path, archive.ReadOptions{})
	if !sendable(t, a, one) {
		t.Error("content of a plain archive is not in a file of its own")
	}
	if err := os.Rename(next, path); err != nil {
		t.Skipf("an open file cannot be replaced here: %v", err)
	}
	if sendable(t, a, one) {
		t.Error("content comes from the file that replaced the archive")
	}
}

// sendable reads the first layer of img, and reports whether sendfile could do so.
func sendable(t *testing.T, a *archive.Archive, img placetest.Content) bool {
	t.Helper()
	f, err := a.OpenFile(t.Context(), img.Order[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	r := blob.Verify(f, img.Order[0])
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_, ok := f.(syscall.Conn)
	return ok
}
