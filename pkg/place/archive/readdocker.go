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
	"github.com/dray-oci/dray/pkg/ref"
)

// maxManifestJSONBytes bounds the manifest.json: that of 10,000 images.
const maxManifestJSONBytes = 16 << 20

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
	a.index = layout.NewIndex()
	known, r := a.known(ctx), newDockerReader(a)
	for i, e := range entries {
		m, err := r.image(ctx, e)
		if err != nil {
			return fmt.Errorf("image %d of manifest.json: %w", i+1, err)
		}
		root, ok := known[parts(m)]
		if !ok {
			root, err = a.makeManifest(m)
		}
		if err != nil {
			return fmt.Errorf("image %d of manifest.json: %w", i+1, err)
		}
		a.index.Add(root, a.names(e.RepoTags)...)
	}
	return nil
}

// names returns the names that are image names, in full, and tells of the others.
func (a *Archive) names(tags []string) []string {
	names := make([]string, 0, len(tags))
	for _, tag := range tags {
		n, err := ref.ParseName(tag)
		if err == nil && n.Tag == "" {
			err = fmt.Errorf("%.300q has no tag", tag)
		}
		if err != nil {
			a.o.Events.Emit(event.Event{Kind: event.Warn, Name: tag, Err: fmt.Errorf("reading archive %s: a name is left out: %w", a.path, err)})
			continue
		}
		names = append(names, n.Tagged())
	}
	return names
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
		l, err := r.layer(ctx, name, c.diffIDs[i])
		if err != nil {
			return nil, fmt.Errorf("layer: %w", err)
		}
		m.Layers = append(m.Layers, l)
	}
	return m, nil
}
