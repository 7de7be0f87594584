package archive

import (
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// drawDocker draws what docker save writes, the layers as they are. The legacy
// file repositories is left out: whoever reads manifest.json (Docker since 1.10)
// does not look at it, and it would have to name layers that have no name.
func (d *drawing) drawDocker(p place.Plan, t *tree, w warner) error {
	x := layout.NewIndex()
	for _, r := range p.Roots {
		names, err := dockerNames(r, t, w)
		if err != nil {
			return err
		}
		x.Add(r.Descriptor, names...)
	}
	images := dockerImages(x, t, w)
	paths := map[v1.Hash]string{}
	whole := map[v1.Hash]bool{}
	for _, img := range images {
		whole[img.Descriptor.Digest] = true
		paths[img.Image.Config.Digest] = img.Image.Config.Digest.Hex + ".json"
		for _, l := range img.Image.Layers {
			paths[l.Digest] = l.Digest.Hex + extension(l.MediaType)
		}
	}
	for _, r := range p.Roots {
		if !whole[r.Descriptor.Digest] {
			return fmt.Errorf("%s: a docker archive takes only images that are whole: %w", r.Descriptor.Digest, place.ErrUnsupported)
		}
	}
	err := d.addManifestJSON(images, func(b v1.Descriptor) string { return paths[b.Digest] })
	for _, b := range t.blobs {
		if path, ok := paths[b.Digest]; ok {
			err = errors.Join(err, d.addBlob(path, b, t.docs[b.Digest]))
		}
	}
	return err
}

// dockerNames returns the names of r in full, and tells of those that have no tag:
// Docker knows no others.
func dockerNames(r place.Root, t *tree, w warner) ([]string, error) {
	if doc := t.doc(r.Descriptor); doc == nil || !doc.IsRunnable() {
		return nil, fmt.Errorf("%s is %s: a docker archive takes only single images: %w", r.Descriptor.Digest, r.Descriptor.MediaType, place.ErrUnsupported)
	}
	names := make([]string, 0, len(r.Names))
	for _, s := range r.Names {
		n, err := ref.ParseName(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
		}
		if n.Tag == "" {
			w.lost(s)
			continue
		}
		names = append(names, n.Tagged())
	}
	return names, nil
}

// extension returns how the file of a layer is called at its end.
func extension(mt types.MediaType) string {
	switch s := string(mt); {
	case strings.HasSuffix(s, "gzip"):
		return ".tar.gz"
	case strings.HasSuffix(s, "zstd"):
		return ".tar.zst"
	}
	return ".tar"
}
