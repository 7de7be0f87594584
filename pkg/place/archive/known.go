package archive

import (
	"context"
	"crypto/sha256"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// maxKnownBytes bounds the documents that are read for it: 6 KB for each of 10,000.
const maxKnownBytes = 64 << 20

// known finds the image manifests of an archive that has an index.json too, by
// what they are made of: read in Docker's form, its images keep their digests.
// What cannot be read there is left out, as if there were no index.json.
// The others are given manifests of their own, as in any Docker archive.
func (a *Archive) known(ctx context.Context) map[[sha256.Size]byte]v1.Descriptor {
	found := map[[sha256.Size]byte]v1.Descriptor{}
	raw, err := a.readFile("index.json", manifest.MaxIndexBytes)
	if err != nil {
		return found
	}
	x, err := layout.ParseIndex(raw)
	if err != nil {
		return found
	}
	seen := map[v1.Hash]bool{}
	left := int64(maxKnownBytes)
	var walk func(d v1.Descriptor, depth int)
	walk = func(d v1.Descriptor, depth int) {
		if seen[d.Digest] || depth > manifest.MaxNesting || len(seen) > manifest.MaxChildren || d.Size > left || ctx.Err() != nil {
			return
		}
		seen[d.Digest] = true
		left -= d.Size
		doc, err := place.ReadManifest(ctx, a, d)
		switch {
		case err != nil:
		case doc.Index != nil:
			for _, child := range doc.Index.Manifests {
				walk(child, depth+1)
			}
		case doc.IsRunnable():
			found[partsOf(doc.Image)] = doc.Descriptor
		}
	}
	for _, e := range x.List() {
		walk(e.Root, 0)
	}
	return found
}

// partsOf names the content of an image.
func partsOf(m *v1.Manifest) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		_, _ = h.Write([]byte(d.Digest.String() + " ")) // never fails: hash.Hash
	}
	h.Sum(sum[:0])
	return sum
}
