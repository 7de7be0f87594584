package archive

import (
	"context"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// known finds the image manifests of an archive that has an index.json too, by
// what they are made of: read in Docker's form, its images keep their digests.
// What cannot be read there is left out, as if there were no index.json.
func (a *Archive) known(ctx context.Context) map[string]v1.Descriptor {
	found := map[string]v1.Descriptor{}
	raw, err := a.readFile("index.json", manifest.MaxIndexBytes)
	if err != nil {
		return found
	}
	x, err := layout.ParseIndex(raw)
	if err != nil {
		return found
	}
	seen := map[v1.Hash]bool{}
	var walk func(d v1.Descriptor, depth int)
	walk = func(d v1.Descriptor, depth int) {
		if seen[d.Digest] || depth > manifest.MaxNesting || len(seen) > manifest.MaxChildren || ctx.Err() != nil {
			return
		}
		seen[d.Digest] = true
		doc, err := place.ReadManifest(ctx, a, d)
		switch {
		case err != nil:
		case doc.Index != nil:
			for _, child := range doc.Index.Manifests {
				walk(child, depth+1)
			}
		case doc.IsRunnable():
			found[parts(doc.Image)] = doc.Descriptor
		}
	}
	for _, e := range x.List() {
		walk(e.Root, 0)
	}
	return found
}

// parts names the content of an image.
func parts(m *v1.Manifest) string {
	all := []string{m.Config.Digest.String()}
	for _, l := range m.Layers {
		all = append(all, l.Digest.String())
	}
	return strings.Join(all, " ")
}
