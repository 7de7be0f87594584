// Package placetest is the suite that every place passes, and the small images
// it is made with.
package placetest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Content is an image, or an index of images, with everything it names.
type Content struct {
	Root  v1.Descriptor
	Order []v1.Descriptor    // each digest once, manifests after what they name, root last
	Bytes map[v1.Hash][]byte // by digest
}

// Plan returns what a transfer of c under names would tell a planner.
func (c Content) Plan(names ...string) place.Plan {
	p := place.Plan{Roots: []place.Root{{Descriptor: c.Root, Names: names}}, Blobs: c.Order, Docs: map[v1.Hash][]byte{}}
	for _, d := range c.Order {
		if manifest.Is(d.MediaType) || d.MediaType.IsConfig() {
			p.Docs[d.Digest] = c.Bytes[d.Digest]
		}
	}
	return p
}

func (c *Content) add(mt types.MediaType, b []byte) v1.Descriptor {
	d := manifest.Describe(mt, b)
	if _, ok := c.Bytes[d.Digest]; !ok {
		c.Bytes[d.Digest] = b
		c.Order = append(c.Order, d)
	}
	return d
}

// An ImageSpec says what [Image] makes. The same spec makes the same bytes.
type ImageSpec struct {
	Seed     uint64
	Layers   []int // size in bytes of the file in each layer, a plain tar; none means one of 100
	Platform v1.Platform
	Docker   bool // Docker's media types instead of OCI's
}

// Image returns an image whose layers hold one file of random bytes each.
func Image(t testing.TB, spec ImageSpec) Content {
	t.Helper()
	c := Content{Bytes: map[v1.Hash][]byte{}}
	c.Root = c.image(t, spec)
	return c
}

// Index returns an index with an image for each spec; layers of equal Seed and size are shared.
func Index(t testing.TB, specs ...ImageSpec) Content {
	t.Helper()
	c := Content{Bytes: map[v1.Hash][]byte{}}
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, s := range specs {
		d := c.image(t, s)
		d.Platform = s.platform()
		idx.Manifests = append(idx.Manifests, d)
	}
	c.Root = c.add(idx.MediaType, encode(t, idx))
	return c
}

func (s ImageSpec) platform() *v1.Platform {
	if s.Platform.OS == "" {
		return &v1.Platform{OS: "linux", Architecture: "amd64"}
	}
	return &s.Platform
}

func (c *Content) image(t testing.TB, s ImageSpec) v1.Descriptor {
	t.Helper()
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	configType, layerType := types.OCIConfigJSON, types.OCIUncompressedLayer
	if s.Docker {
		m.MediaType, configType, layerType = types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerUncompressedLayer
	}
	p := s.platform()
	cf := v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, RootFS: v1.RootFS{Type: "layers"}}
	if len(s.Layers) == 0 {
		s.Layers = []int{100}
	}
	for i, size := range s.Layers {
		d := c.add(layerType, layer(t, fmt.Sprintf("file%d", i), size, s.Seed+uint64(i)))
		m.Layers = append(m.Layers, d)
		cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, d.Digest)
		cf.History = append(cf.History, v1.History{CreatedBy: fmt.Sprintf("layer %d", i)})
	}
	m.Config = c.add(configType, encode(t, cf))
	return c.add(m.MediaType, encode(t, m))
}

// layer returns a tar with one file of size random bytes.
func layer(t testing.TB, name string, size int, seed uint64) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(size), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(Random(size, seed)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Random returns size bytes that depend on seed alone.
func Random(size int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	b := make([]byte, size)
	if _, err := rand.NewChaCha8(key).Read(b); err != nil {
		panic(err) // never: documented to succeed
	}
	return b
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
