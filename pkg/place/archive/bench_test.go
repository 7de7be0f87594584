package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// What Open does grows with the number of images, not faster.
func BenchmarkOpen(b *testing.B) {
	for _, form := range []archive.Form{archive.OCI, archive.Docker} {
		for _, n := range []int{10, 100, 1000} {
			all := make([]named, n)
			for i := range all {
				c := placetest.Image(b, placetest.ImageSpec{Seed: uint64(i), Layers: []int{10, 20}})
				all[i] = named{c, []string{fmt.Sprintf("example.com/app:%d", i)}}
			}
			path := filepath.Join(b.TempDir(), "images.tar")
			if err := write(b.Context(), create(b, path, archive.Options{As: form}), 0, all...); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", form, n), func(b *testing.B) {
				for b.Loop() {
					if err := open(b, path, archive.ReadOptions{}).Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Straight to its place, hashed once: compare with BenchmarkVerify of pkg/blob.
func BenchmarkWrite(b *testing.B) {
	img := named{placetest.Image(b, placetest.ImageSpec{Layers: []int{64 << 20}}), []string{name}}
	path := filepath.Join(b.TempDir(), "images.tar")
	b.SetBytes(64 << 20)
	for b.Loop() {
		if err := write(b.Context(), create(b, path, archive.Options{}), 0, img); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		b.Fatal(err)
	}
}
