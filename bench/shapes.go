package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place/ocidir"
)

// A shape is one image, or many, as they are found in the world.
type shape struct {
	name   string
	images []string // the tags
	make   func(ctx context.Context, m *maker) error
}

func shapes(o options) []shape {
	size := int64(o.size)
	many := shape{name: "many", make: func(ctx context.Context, m *maker) error { return m.many(ctx, o.images, size/20) }}
	for i := range o.images {
		many.images = append(many.images, fmt.Sprintf("i%d", i))
	}
	one := []string{"1"}
	return []shape{
		{"dominant", one, func(ctx context.Context, m *maker) error {
			return m.single(ctx, size*70/100, size*15/100, size*10/100, size*5/100)
		}},
		{"even", one, func(ctx context.Context, m *maker) error { return m.single(ctx, size/4, size/4, size/4, size/4) }},
		{"layers", one, func(ctx context.Context, m *maker) error {
			sizes := make([]int64, 60)
			for i := range sizes {
				sizes[i] = size / 10 / 60
			}
			return m.single(ctx, sizes...)
		}},
		{"index", one, func(ctx context.Context, m *maker) error { return m.index(ctx, 8, size/5/8) }},
		many,
	}
}

// A maker makes images in a layout. The same calls make the same bytes.
type maker struct {
	dir *ocidir.Dir
	tmp string
	rnd *rand.ChaCha8
}

func newMaker(path, tmp string) *maker {
	return &maker{ocidir.New(path, nil), tmp, rand.NewChaCha8([32]byte{1})}
}

// layer makes a layer of about n bytes compressed. Like most of what is in
// images, it shrinks to a half.
func (m *maker) layer(ctx context.Context, n int64) (v1.Descriptor, v1.Hash, error) {
	f, err := os.CreateTemp(m.tmp, "layer")
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(m.tar(io.MultiWriter(z, w), 2*n)) }()
	diffID, _, err := v1.SHA256(r)
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if err := z.Close(); err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	h, size, err := v1.SHA256(f)
	d := v1.Descriptor{MediaType: types.OCILayer, Size: size, Digest: h}
	if err == nil {
		err = m.dir.Put(ctx, d, blob.File(f.Name()))
	}
	return d, diffID, err
}

// file writes a layer of about n bytes to a file.
func (m *maker) file(path string, n int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	return errors.Join(m.tar(z, 2*n), z.Close(), f.Close())
}

// tar writes files of up to 1 MiB, n bytes in all: every other half KiB at random.
func (m *maker) tar(w io.Writer, n int64) error {
	t := tar.NewWriter(w)
	content := make([]byte, 1<<20)
	for i := 0; n > 0; i++ {
		size := min(n, int64(len(content)))
		if err := t.WriteHeader(&tar.Header{Name: fmt.Sprintf("data/file%d", i), Mode: 0o644, Size: size}); err != nil {
			return err
		}
		for at := 0; at < len(content); at += 1024 {
			_, _ = m.rnd.Read(content[at : at+512]) // never fails
		}
		if _, err := t.Write(content[:size]); err != nil {
			return err
		}
		n -= size
	}
	return t.Close()
}

type layer struct {
	d      v1.Descriptor
	diffID v1.Hash
}

// image puts an image of these layers.
func (m *maker) image(ctx context.Context, platform v1.Platform, layers ...layer) (v1.Descriptor, error) {
	c := v1.ConfigFile{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant, RootFS: v1.RootFS{Type: "layers"}}
	man := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.diffID)
		c.History = append(c.History, v1.History{CreatedBy: "bench"})
		man.Layers = append(man.Layers, l.d)
	}
	var err error
	if man.Config, err = m.doc(ctx, types.OCIConfigJSON, c); err != nil {
		return v1.Descriptor{}, err
	}
	return m.doc(ctx, man.MediaType, man)
}

func (m *maker) doc(ctx context.Context, t types.MediaType, v any) (v1.Descriptor, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := manifest.Describe(t, raw)
	return d, m.dir.Put(ctx, d, blob.Bytes(raw))
}

func (m *maker) layers(ctx context.Context, sizes ...int64) ([]layer, error) {
	var all []layer
	for _, n := range sizes {
		d, diffID, err := m.layer(ctx, n)
		if err != nil {
			return nil, err
		}
		all = append(all, layer{d, diffID})
	}
	return all, nil
}

var amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}

func (m *maker) single(ctx context.Context, sizes ...int64) error {
	layers, err := m.layers(ctx, sizes...)
	if err != nil {
		return err
	}
	d, err := m.image(ctx, amd64, layers...)
	if err != nil {
		return err
	}
	return m.dir.Commit(ctx, d, "1")
}

// index makes n platforms, each with a small base of its own and one more layer.
func (m *maker) index(ctx context.Context, n int, size int64) error {
	x := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for i := range n {
		layers, err := m.layers(ctx, size/4, size*3/4)
		if err != nil {
			return err
		}
		p := v1.Platform{OS: "linux", Architecture: []string{"amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le"}[i%8]}
		d, err := m.image(ctx, p, layers...)
		if err != nil {
			return err
		}
		d.Platform = &p
		x.Manifests = append(x.Manifests, d)
	}
	d, err := m.doc(ctx, x.MediaType, x)
	if err != nil {
		return err
	}
	return m.dir.Commit(ctx, d, "1")
}

// many makes n images on five bases, which have half of the size.
func (m *maker) many(ctx context.Context, n int, size int64) error {
	const bases = 5
	var base [bases][]layer
	for i := range base {
		var err error
		if base[i], err = m.layers(ctx, size/bases/4, size/bases/4); err != nil {
			return err
		}
	}
	for i := range n {
		own, err := m.layers(ctx, max(1000, size/2/int64(n)))
		if err != nil {
			return err
		}
		d, err := m.image(ctx, amd64, append(base[i%bases][:2:2], own...)...)
		if err != nil {
			return err
		}
		if err := m.dir.Commit(ctx, d, fmt.Sprintf("i%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// folder is where the layout of a shape lies.
func (s shape) folder(dir string) string { return filepath.Join(dir, "shapes", s.name) }
