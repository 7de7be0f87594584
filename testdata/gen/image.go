package main

import (
	"bytes"
	"encoding/json"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tag is the name of the image in the layout.
const tag = "1.0"

// created is the one time that stands anywhere in the image.
var created = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// A layout is the files of an OCI image layout, by slash-separated path.
type layout map[string][]byte

// hello makes the whole layout.
func hello() (layout, error) {
	l := layout{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	base, err := newLayer("COPY etc /etc", baseFiles())
	if err != nil {
		return nil, err
	}
	index := v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Annotations:   labels(),
	}
	for _, p := range programs() {
		d, err := l.image(p, base)
		if err != nil {
			return nil, err
		}
		index.Manifests = append(index.Manifests, d)
	}
	root, err := l.addJSON(types.OCIImageIndex, index)
	if err != nil {
		return nil, err
	}
	root.Annotations = map[string]string{"org.opencontainers.image.ref.name": tag}
	l["index.json"], err = json.Marshal(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests:     []v1.Descriptor{root},
	})
	return l, err
}

// image adds the image of one platform and returns its entry for the index.
func (l layout) image(p program, base layer) (v1.Descriptor, error) {
	own, err := newLayer("COPY hello /hello", []file{{"hello", 0o755, p.elf()}})
	if err != nil {
		return v1.Descriptor{}, err
	}
	config, err := l.addJSON(types.OCIConfigJSON, p.config(base, own))
	if err != nil {
		return v1.Descriptor{}, err
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config}
	for _, each := range []layer{base, own} {
		d, err := l.add(types.OCILayer, each.packed)
		if err != nil {
			return v1.Descriptor{}, err
		}
		m.Layers = append(m.Layers, d)
	}
	d, err := l.addJSON(types.OCIManifestSchema1, m)
	d.Platform = &p.platform
	return d, err
}

// config says how the program is started and what its layers are.
func (p program) config(layers ...layer) v1.ConfigFile {
	c := v1.ConfigFile{
		Created:      v1.Time{Time: created},
		OS:           p.platform.OS,
		Architecture: p.platform.Architecture,
		Variant:      p.platform.Variant,
		Config: v1.Config{
			Entrypoint: []string{"/hello"},
			Env:        []string{"PATH=/"},
			WorkingDir: "/",
			Labels:     labels(),
		},
		RootFS: v1.RootFS{Type: "layers"},
	}
	for _, each := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, each.diffID)
		c.History = append(c.History, v1.History{Created: v1.Time{Time: created}, CreatedBy: each.createdBy})
	}
	c.History = append(c.History, v1.History{
		Created: v1.Time{Time: created}, CreatedBy: `ENTRYPOINT ["/hello"]`, EmptyLayer: true,
	})
	return c
}

func labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "hello",
		"org.opencontainers.image.description": "Says which platform it was made for",
		"org.opencontainers.image.version":     tag,
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
}

// add keeps data as a blob. The same bytes are kept once.
func (l layout) add(mediaType types.MediaType, data []byte) (v1.Descriptor, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	l["blobs/"+digest.Algorithm+"/"+digest.Hex] = data
	return v1.Descriptor{MediaType: mediaType, Size: size, Digest: digest}, nil
}

func (l layout) addJSON(mediaType types.MediaType, value any) (v1.Descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return l.add(mediaType, data)
}
