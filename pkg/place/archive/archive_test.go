package archive_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestPlace(t *testing.T) {
	for _, form := range []archive.Form{"", archive.Docker, archive.OCI} {
		t.Run("file "+string(form), func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
				path := filepath.Join(t.TempDir(), "images.tar")
				return placetest.Doors{
					Sink:   func(t *testing.T) place.Sink { return create(t, path, archive.Options{As: form}) },
					Source: func(t *testing.T) place.Source { return openIfThere(t, path) },
					Name:   "example.com/team/app:1.0",
				}
			}})
		})
		t.Run("stream "+string(form), func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(*testing.T) placetest.Doors {
				var buf bytes.Buffer
				return placetest.Doors{
					Sink: func(t *testing.T) place.Sink {
						buf.Reset()
						s, err := archive.NewStream(&buf, archive.Options{As: form})
						if err != nil {
							t.Fatal(err)
						}
						return s
					},
					Source: func(t *testing.T) place.Source {
						a, err := archive.Read(t.Context(), bytes.NewReader(buf.Bytes()), archive.ReadOptions{TempDir: t.TempDir()})
						if errors.Is(err, place.ErrInvalid) {
							return nil // there is nothing whole yet
						}
						if err != nil {
							t.Fatal(err)
						}
						return a
					},
					Name: "example.com/team/app:1.0",
				}
			}})
		})
	}
}

func create(t testing.TB, path string, o archive.Options) *archive.Writer {
	t.Helper()
	w, err := archive.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func openIfThere(t *testing.T, path string) place.Source {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
