package archive

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// maxManifestJSONBytes bounds the manifest.json: that of 10,000 images.
const maxManifestJSONBytes = 16 << 20

// maxDockerLayers bounds the layers of all images of a manifest.json: 10 of each
// of 10,000. The manifests made for them then have at most some 25 MB, 250 bytes
// for each layer, however small the archive was when it was compressed.
const maxDockerLayers = 100_000

// loadDocker reads the manifest.json that docker save writes. Its images have
// manifests only where an index.json stands beside it. For the others manifests
// are made of the config as it is and the layers as they lie, and so depend on
// the archive alone.
func (a *Archive) loadDocker(ctx context.Context) error {
	raw, err := a.readFile("manifest.json", maxManifestJSONBytes)
	if err != nil {
		return err
	}
	var entries []manifestJSON
	if err := manifest.Decode(raw, &entries); err != nil {
		return fmt.Errorf("manifest.json: %w: %w", place.ErrInvalid, err)
	}
	if len(entries) > manifest.MaxChildren {
		return fmt.Errorf("manifest.json: %d images, more than the %d allowed: %w", len(entries), manifest.MaxChildren, place.ErrInvalid)
	}
	layers := 0
	for _, e := range entries {
		layers += len(e.Layers)
	}
	if layers > maxDockerLayers {
		return fmt.Errorf("manifest.json: %d layers, more than the %d allowed: %w", layers, maxDockerLayers, place.ErrInvalid)
	}
	return a.addImages(ctx, entries)
}

func (a *Archive) addImages(ctx context.Context, entries []manifestJSON) error {
	a.index = layout.NewIndex()
	known, r, names := a.known(ctx), newDockerReader(a), newNameReader(a)
	for i, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m, err := r.image(ctx, e)
		if err != nil {
			return fmt.Errorf("image %d of manifest.json: %w", i+1, err)
		}
		root, ok := known[partsOf(m)]
		if !ok {
			root, err = a.makeManifest(m)
		}
		if err != nil {
			return fmt.Errorf("image %d of manifest.json: %w", i+1, err)
		}
		a.index.Add(root, names.read(e.RepoTags)...)
	}
	names.end()
	return nil
}

func (a *Archive) makeManifest(m *v1.Manifest) (v1.Descriptor, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return v1.Descriptor{}, err
	}
	doc, err := manifest.New(raw)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	d := doc.Descriptor
	if _, again := a.other[d.Digest]; !again {
		a.o.Events.Emit(event.Event{
			Kind: event.Note, Blob: d,
			Text: fmt.Sprintf("the archive %s holds no manifests; the one made for it has a digest of its own: %s", a.path, d.Digest),
		})
	}
	a.other[d.Digest] = raw
	return d, nil
}

// image describes the image of e by a manifest.
func (r *dockerReader) image(ctx context.Context, e manifestJSON) (*v1.Manifest, error) {
	c, err := r.config(e.Config)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if len(e.Layers) != len(c.diffIDs) {
		return nil, fmt.Errorf("%d layers, but its config says %d: %w", len(e.Layers), len(c.diffIDs), place.ErrInvalid)
	}
	m := &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: c.Descriptor, Layers: []v1.Descriptor{}}
	for i, name := range e.Layers {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l, err := r.layer(ctx, name, c.diffIDs[i])
		if err != nil {
			return nil, fmt.Errorf("layer: %w", err)
		}
		m.Layers = append(m.Layers, l)
	}
	return m, nil
}
