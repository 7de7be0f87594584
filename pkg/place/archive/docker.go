package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/tario"
)

// maxManifestJSONBytes bounds the manifest.json: that of 10,000 images.
const maxManifestJSONBytes = 16 << 20

// loadDocker makes manifests for the images of manifest.json. They are made of the
// config as it is and the layers as they lie, and so depend on the archive alone.
func (a *Archive) loadDocker(ctx context.Context) error {
	m, err := a.table.Find("manifest.json")
	if err != nil {
		return err
	}
	raw, err := a.readFile(m, maxManifestJSONBytes)
	if err != nil {
		return err
	}
	var entries []manifestJSON
	if err := manifest.Decode(raw, &entries); err != nil {
		return fmt.Errorf("manifest.json: %w: %w", place.ErrInvalid, err)
	}
	a.index, a.made, a.files = layout.NewIndex(), map[v1.Hash][]byte{}, map[v1.Hash]tario.Member{}
	for i, e := range entries {
		root, err := a.makeManifest(ctx, e)
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
		if err != nil {
			a.o.Events.Emit(event.Event{Kind: event.Warn, Name: tag, Err: fmt.Errorf("reading archive %s: a name is left out: %w", a.path, err)})
			continue
		}
		names = append(names, n.Tagged())
	}
	return names
}

func (a *Archive) makeManifest(ctx context.Context, e manifestJSON) (v1.Descriptor, error) {
	config, diffIDs, err := a.config(e)
	if err != nil {
		return v1.Descriptor{}, err
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{}}
	for i, name := range e.Layers {
		l, err := a.layer(ctx, name, diffIDs[i])
		if err != nil {
			return v1.Descriptor{}, fmt.Errorf("layer %.200q: %w", name, err)
		}
		m.Layers = append(m.Layers, l)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return v1.Descriptor{}, err
	}
	doc, err := manifest.New(raw)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	a.made[doc.Descriptor.Digest] = raw
	return doc.Descriptor, nil
}

// config reads the config of e, whose digest is not known from elsewhere.
func (a *Archive) config(e manifestJSON) (v1.Descriptor, []v1.Hash, error) {
	m, err := a.member(e.Config)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	raw, err := a.readFile(m, manifest.MaxConfigBytes)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	c, err := manifest.ParseConfig(raw)
	if err != nil {
		return v1.Descriptor{}, nil, fmt.Errorf("%.200q: %w: %w", e.Config, place.ErrInvalid, err)
	}
	if len(e.Layers) != len(c.RootFS.DiffIDs) {
		return v1.Descriptor{}, nil, fmt.Errorf("%d layers, but its config says %d: %w", len(e.Layers), len(c.RootFS.DiffIDs), place.ErrInvalid)
	}
	d := manifest.Describe(types.OCIConfigJSON, raw)
	a.files[d.Digest] = m
	return d, c.RootFS.DiffIDs, nil
}

// member finds a file that manifest.json names: in the tar, and nowhere else.
func (a *Archive) member(name string) (tario.Member, error) {
	m, err := a.table.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("it is not in the archive: %w: %w", place.ErrInvalid, err)
	}
	return m, invalid(err)
}

// layer describes the layer at name. What the config says of an uncompressed one,
// and the name of a compressed one, is taken for its digest where it can be one:
// whoever reads the content verifies it anyway, and to hash it here would be to
// read it twice.
func (a *Archive) layer(ctx context.Context, name string, diffID v1.Hash) (v1.Descriptor, error) {
	m, err := a.member(name)
	if err != nil {
		return v1.Descriptor{}, err
	}
	kind, err := a.sniff(m)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: m.Size, Digest: diffID}
	if kind != compress.None {
		d.MediaType = types.OCILayer
		if kind == compress.Zstd {
			d.MediaType = types.OCILayerZStd
		}
		if d.Digest, err = a.digest(ctx, m); err != nil {
			return v1.Descriptor{}, err
		}
	}
	if err := manifest.CheckDescriptor(d); err != nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	if old, ok := a.files[d.Digest]; ok && old.Size != m.Size {
		return v1.Descriptor{}, fmt.Errorf("%s is there with %d and with %d bytes: %w", d.Digest, old.Size, m.Size, place.ErrInvalid)
	}
	a.files[d.Digest] = m
	return d, nil
}

// digest returns what m is named for, as crane, kaniko, Bazel and all who write
// blobs/ do, else what it is.
func (a *Archive) digest(ctx context.Context, m tario.Member) (v1.Hash, error) {
	base, _, _ := strings.Cut(path.Base(m.Name), ".")
	folder := path.Dir(m.Name)
	if h, err := v1.NewHash("sha256:" + base); err == nil && slices.Contains([]string{".", "blobs/sha256"}, folder) {
		return h, nil
	}
	h, err := v1.Hasher("sha256")
	if err != nil {
		return v1.Hash{}, err
	}
	if _, err := blob.Copy(ctx, h, a.section(m)); err != nil {
		return v1.Hash{}, err
	}
	return v1.NewHash("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// sniff returns how the content of m is compressed.
func (a *Archive) sniff(m tario.Member) (compress.Kind, error) {
	head := make([]byte, min(m.Size, compress.SniffBytes))
	_, err := io.ReadFull(a.section(m), head)
	return compress.Sniff(head), err
}
