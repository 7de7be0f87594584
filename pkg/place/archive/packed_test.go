package archive_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestPacked(t *testing.T) {
	for _, ending := range []string{".tar.gz", ".tgz", ".tar.zst"} {
		t.Run(ending, func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
				path := filepath.Join(t.TempDir(), "a"+ending)
				t.Cleanup(func() { onlyThere(t, path) })
				return placetest.Doors{
					Sink: func(t *testing.T) place.Sink {
						s, err := archive.CreatePacked(path, archive.Packing(path), archive.Options{})
						if err != nil {
							t.Fatal(err)
						}
						return s
					},
					Source: func(t *testing.T) place.Source {
						if _, err := os.Stat(path); err != nil {
							return nil
						}
						s, err := archive.Open(t.Context(), path, archive.ReadOptions{TempDir: t.TempDir()})
						if err != nil {
							t.Fatal(err)
						}
						return s
					},
					Name: "example.com/a/b:1",
				}
			}})
		})
	}
	if archive.Packing("a.tar") != compress.None {
		t.Error("a plain tar is packed")
	}
}

// onlyThere checks that nothing but path is in its folder.
func onlyThere(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			t.Errorf("%s is left", e.Name())
		}
	}
}
