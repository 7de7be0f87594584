package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// A Form is whose media types an image has.
type Form string

// The forms; empty leaves it as it is.
const (
	OCI    Form = "oci"
	Docker Form = "docker"
)

// ConvertOptions say what an image is to be like. What is in it stays.
type ConvertOptions struct {
	EditOptions
	To       Form
	Compress *compress.Kind // nil: layers stay as they are packed
}

// Docker's name for layers packed with zstd, which containerd made up. Only reading is
// of use: Docker itself takes no such image.
const dockerZstdLayer types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"

// Convert changes the media types of every image of root, and how layers are packed. Each
// layer is packed once, and held against the digest that the config has for it.
func (b *Bench) Convert(ctx context.Context, root v1.Descriptor, o ConvertOptions) (*Result, error) {
	c := &converter{b: b, o: o, packed: map[v1.Hash]*v1.Descriptor{}}
	res, err := b.edit(ctx, root, o.EditOptions, edit{do: c.do, index: c.index})
	if err != nil {
		return nil, err
	}
	res.Changes = append(c.changes, res.Changes...)
	return res, nil
}

type converter struct {
	b       *Bench
	o       ConvertOptions
	packed  map[v1.Hash]*v1.Descriptor
	changes []Change // of layers
}

func (c *converter) do(ctx context.Context, d *draft) error {
	mt := d.Manifest.Descriptor.MediaType
	if c.o.To == OCI && mt != types.OCIManifestSchema1 || c.o.To == Docker && mt != types.DockerManifestSchema2 {
		c.retype(d)
		d.why = append(d.why, "media types of "+string(c.o.To))
	}
	repacked := 0
	for i, l := range d.manifest.Layers {
		now, err := c.layer(ctx, l, d, d.config.File.RootFS.DiffIDs[i])
		if err != nil {
			return err
		}
		if now.Digest != l.Digest {
			repacked++
		}
		d.manifest.Layers[i] = now
	}
	if repacked > 0 {
		d.why = append(d.why, fmt.Sprintf("%d layers packed as %s", repacked, kindName(*c.o.Compress)))
	}
	return nil
}

func kindName(k compress.Kind) string {
	if k == compress.None {
		return "plain tars"
	}
	return string(k)
}

// retype gives the manifest of d the types of the other form.
func (c *converter) retype(d *draft) {
	m := &d.manifest
	if c.o.To == OCI {
		m.MediaType, m.Config.MediaType = types.OCIManifestSchema1, types.OCIConfigJSON
		return
	}
	m.MediaType, m.Config.MediaType = types.DockerManifestSchema2, types.DockerConfigJSON
	if len(m.Annotations) > 0 || m.Subject != nil || m.ArtifactType != "" {
		c.o.note("%s: annotations and subject are left out: Docker's manifests have none", d.Platform)
		m.Annotations, m.Subject, m.ArtifactType = nil, nil, ""
	}
}

// layer is l as it stands in the new manifest.
func (c *converter) layer(ctx context.Context, l v1.Descriptor, d *draft, diffID v1.Hash) (v1.Descriptor, error) {
	kind, foreign, known := kindOfType(l.MediaType)
	if !known {
		return l, nil
	}
	want := kind
	if c.o.Compress != nil && !foreign {
		want = *c.o.Compress
	}
	isDocker := d.manifest.MediaType == types.DockerManifestSchema2 || d.manifest.MediaType == "" && d.Manifest.Descriptor.MediaType == types.DockerManifestSchema2
	if isDocker && want == compress.Zstd {
		return l, &zstdError{l.Digest}
	}
	if want != kind {
		packed, err := c.repack(ctx, l, want, diffID)
		if err != nil {
			return l, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
		l = *packed
	}
	mt := types.OCIManifestSchema1
	if isDocker {
		mt = types.DockerManifestSchema2
		l.Annotations = nil
	}
	l.MediaType = layerType(mt, want)
	if foreign {
		l.MediaType = foreignType(mt, want)
	}
	return l, nil
}

// A zstdError says that Docker's manifests cannot have a layer.
type zstdError struct{ digest v1.Hash }

func (e *zstdError) Error() string {
	return fmt.Sprintf("layer %s is zstd, which Docker's manifests cannot have", e.digest)
}
func (e *zstdError) Unwrap() error { return place.ErrUnsupported }

// Hint says how it can be had.
func (e *zstdError) Hint() string { return "--compress gzip packs it again" }

// kindOfType reads the media type of a layer; known is false for what is none.
func kindOfType(mt types.MediaType) (k compress.Kind, foreign, known bool) {
	s := string(mt)
	if !strings.Contains(s, "image.layer.") && !strings.Contains(s, "image.rootfs.") {
		return "", false, false
	}
	foreign = !mt.IsDistributable() || strings.Contains(s, "nondistributable")
	switch {
	case strings.HasSuffix(s, ".tar.gzip"), strings.HasSuffix(s, ".tar+gzip"):
		return compress.Gzip, foreign, true
	case mt == dockerZstdLayer, strings.HasSuffix(s, ".tar+zstd"):
		return compress.Zstd, foreign, true
	case strings.HasSuffix(s, ".tar"):
		return compress.None, foreign, true
	}
	return "", false, false
}

func foreignType(mt types.MediaType, k compress.Kind) types.MediaType {
	switch {
	case mt == types.DockerManifestSchema2:
		return types.DockerForeignLayer
	case k == compress.None:
		return types.OCIUncompressedRestrictedLayer
	}
	return types.OCIRestrictedLayer
}

// repack packs l anew.
func (c *converter) repack(ctx context.Context, l v1.Descriptor, k compress.Kind, diffID v1.Hash) (*v1.Descriptor, error) {
	if d, ok := c.packed[l.Digest]; ok {
		return d, nil
	}
	in, err := c.b.reader(c.o.Options).plain(ctx, l)
	if err != nil {
		return nil, err
	}
	made, err := c.b.layer(types.OCIManifestSchema1, k, func(w io.Writer) error {
		_, err := blob.Copy(ctx, w, in)
		return err
	})
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	if made.DiffID != diffID {
		return nil, fmt.Errorf("it holds %s, the config says %s: %w", made.DiffID, diffID, blob.ErrMismatch)
	}
	made.Annotations = nil // tables of contents, if any, are of the old bytes
	c.packed[l.Digest] = &made.Descriptor
	c.changes = append(c.changes, Change{What: "layer", Old: l.Digest, New: made.Digest, OldSize: l.Size, NewSize: made.Size, Why: "packed as " + kindName(k)})
	return &made.Descriptor, nil
}

func (c *converter) index(idx *v1.IndexManifest) string {
	switch {
	case c.o.To == OCI && idx.MediaType != types.OCIImageIndex:
		idx.MediaType = types.OCIImageIndex
	case c.o.To == Docker && idx.MediaType != types.DockerManifestList:
		idx.MediaType = types.DockerManifestList
		if len(idx.Annotations) > 0 || idx.Subject != nil || idx.ArtifactType != "" {
			c.o.note("the annotations and the subject of the index are left out: Docker's lists have none")
		}
		idx.Annotations, idx.Subject, idx.ArtifactType = nil, nil, ""
		for i := range idx.Manifests {
			idx.Manifests[i].Annotations = nil
		}
	default:
		return ""
	}
	return "media type of " + string(c.o.To)
}

// ParseForm reads the name of a form.
func ParseForm(s string) (Form, error) {
	switch f := Form(s); f {
	case OCI, Docker, "":
		return f, nil
	}
	return "", fmt.Errorf("%q is no form of an image: write oci or docker", s)
}
