package archive

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/ref"
)

// manifestJSON is an entry of the manifest.json that docker load reads.
type manifestJSON struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// A dockerImage is an image with the names that docker load gives it.
type dockerImage struct {
	image
	tags []string
}

// dockerImages returns the images for a manifest.json: one for each root that is
// an image or has some, in the order of the names in x. Roots that come to the
// same image become one with several names.
func dockerImages(x *layout.Index, t *tree, w warner) []dockerImage {
	var found []dockerImage
	byDigest := map[v1.Hash]int{}
	for _, e := range x.List() {
		images := t.images(e.Root)
		if len(images) == 0 {
			continue // an artifact, or nothing of the index is here
		}
		img, asWanted := choose(images, t.platform)
		if !asWanted {
			w.platform(e.Name, img.platform, *t.platform)
		}
		if !w.complete(e.Name, img) {
			continue
		}
		i, ok := byDigest[img.Descriptor.Digest]
		if !ok {
			i, found = len(found), append(found, dockerImage{image: img})
			byDigest[img.Descriptor.Digest] = i
		}
		if n, err := ref.ParseName(e.Root.Annotations[layout.AnnotationImageName]); err == nil {
			found[i].tags = append(found[i].tags, n.Tagged())
		} else if name := layout.Name(e.Root); name != "" {
			w.noTag(name)
		}
	}
	return found
}

// addManifestJSON adds the manifest.json for images whose parts stand where path says.
func (d *drawing) addManifestJSON(images []dockerImage, path func(v1.Descriptor) string) error {
	entries := make([]manifestJSON, 0, len(images))
	for _, img := range images {
		e := manifestJSON{Config: path(img.Image.Config), RepoTags: img.tags, Layers: []string{}}
		for _, l := range img.Image.Layers {
			e.Layers = append(e.Layers, path(l))
		}
		entries = append(entries, e)
	}
	raw, err := json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("writing manifest.json: %w", err)
	}
	return d.addFile("manifest.json", raw)
}
