package layers

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/place"
)

// Scratch returns a source with an image that has no layers for each of platforms:
// root is the image itself, or an index of several. There is no need to close it.
func Scratch(platforms []arch.Platform) (src place.Source, root v1.Descriptor, err error) {
	b := NewBench(nowhere{}, "")
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, p := range platforms {
		if root, err = b.scratch(p); err != nil {
			return nil, root, err
		}
		d, v := root, p.ToV1()
		d.Platform = &v
		idx.Manifests = append(idx.Manifests, d)
	}
	if len(platforms) > 1 {
		root, err = b.put(idx)
	}
	return b, root, err
}

func (b *Bench) scratch(p arch.Platform) (v1.Descriptor, error) {
	v := p.ToV1()
	config := fmt.Sprintf(`{"architecture":%q,"os":%q,`, v.Architecture, v.OS)
	if v.Variant != "" {
		config += fmt.Sprintf(`"variant":%q,`, v.Variant)
	}
	if v.OSVersion != "" {
		config += fmt.Sprintf(`"os.version":%q,`, v.OSVersion)
	}
	config += `"config":{},"rootfs":{"type":"layers","diff_ids":[]}}`
	return b.put(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: b.doc(types.OCIConfigJSON, []byte(config)), Layers: []v1.Descriptor{},
	})
}

// nowhere is a source that has nothing.
type nowhere struct{}

func (nowhere) Resolve(context.Context, string) (v1.Descriptor, error) {
	return v1.Descriptor{}, place.ErrNotFound
}

func (nowhere) Open(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	return nil, place.ErrNotFound
}
func (nowhere) Close() error { return nil }
