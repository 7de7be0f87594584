package archive

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
)

// A warner says, before anything is written, what some engine will not load.
type warner struct {
	events event.Handler
	tree   *tree
}

func (w warner) warn(name, hint, format string, args ...any) {
	w.events.Emit(event.Event{Kind: event.Warn, Name: name, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// lost says that the archive cannot hold a name that it was to have.
func (w warner) lost(name string) {
	w.events.Emit(event.Event{
		Kind: event.Lost, Name: name,
		Text: fmt.Sprintf("%.300s has no tag, and a docker archive names images by tags only: the name is left out", name),
		Hint: "give the image a tag, or write an OCI archive",
	})
}

// noTag says that only index.json has a name.
func (w warner) noTag(name string) {
	w.warn(name, "", "%.300s is no full name with a tag, so Docker's classic image store will not see the name", name)
}

// platform says that manifest.json names another platform than was wished.
func (w warner) platform(name string, got, want v1.Platform) {
	w.warn(name, "", "%.300s has no %s; Docker's classic image store will see %s", name, want.String(), got.String())
}

// complete reports whether all layers of img are in the archive. Where some are
// not, which only layers with URLs of their own may, Docker could load nothing of
// the archive if manifest.json named the image.
func (w warner) complete(name string, img image) bool {
	gone := 0
	for _, l := range img.Image.Layers {
		if !w.tree.there[l.Digest] {
			gone++
		}
	}
	if gone > 0 {
		w.warn(name, "", "%.300s: %s not in the archive, so Docker's classic image store cannot load it", name, layersAre(gone))
	}
	return gone == 0
}

func layersAre(n int) string {
	if n == 1 {
		return "1 layer is"
	}
	return fmt.Sprintf("%d layers are", n)
}

// layers says which engines cannot take the layers as they are.
func (w warner) layers(form Form) {
	zstd, encrypted := 0, 0
	for _, b := range w.tree.blobs {
		switch mt := string(b.MediaType); {
		case strings.HasSuffix(mt, "+encrypted"):
			encrypted++
		case strings.HasSuffix(mt, "zstd"):
			zstd++
		}
	}
	if zstd > 0 && form != OCI {
		w.warn("", "dray convert --compress gzip makes an image that it loads; Docker 23 and later, containerd, Podman and skopeo load these as they are",
			"%s compressed with zstd, which Docker before 23 cannot load", layersAre(zstd))
	}
	if encrypted > 0 {
		w.warn("", "containerd and Podman need the key; Docker has no way to load them",
			"%s encrypted", layersAre(encrypted))
	}
}
