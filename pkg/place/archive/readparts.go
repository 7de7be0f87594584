package archive

import (
	"context"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// A dockerReader describes the files that manifest.json names, each read once
// however often it is named.
type dockerReader struct {
	*Archive
	configs map[int64]config  // by offset in the tar
	digests map[int64]v1.Hash // likewise
}

type config struct {
	v1.Descriptor
	diffIDs []v1.Hash
}

func newDockerReader(a *Archive) *dockerReader {
	return &dockerReader{a, map[int64]config{}, map[int64]v1.Hash{}}
}

func (r *dockerReader) config(name string) (config, error) {
	m, err := r.member(name)
	if err != nil {
		return config{}, err
	}
	if c, ok := r.configs[m.Offset]; ok {
		return c, nil
	}
	raw, err := r.readMember(m, manifest.MaxConfigBytes)
	if err != nil {
		return config{}, err
	}
	parsed, err := manifest.ParseConfig(raw)
	if err != nil {
		return config{}, fmt.Errorf("%.200q: %w: %w", name, place.ErrInvalid, err)
	}
	c := config{manifest.Describe(types.OCIConfigJSON, raw), parsed.RootFS.DiffIDs}
	r.configs[m.Offset], r.files[c.Digest] = c, m
	return c, nil
}

// layer describes the layer at name. What the config says of an uncompressed one,
// and the name of a compressed one, is taken for its digest where it can be one:
// whoever reads the content verifies it anyway, and to hash it here would be to
// read it twice.
func (r *dockerReader) layer(ctx context.Context, name string, diffID v1.Hash) (v1.Descriptor, error) {
	m, err := r.member(name)
	if err != nil {
		return v1.Descriptor{}, err
	}
	kind, err := sniff(r.section(m))
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: m.Size, Digest: diffID}
	switch kind {
	case compress.Gzip:
		d.MediaType = types.OCILayer
		d.Digest, err = r.digest(ctx, m)
	case compress.Zstd:
		d.MediaType = types.OCILayerZStd
		d.Digest, err = r.digest(ctx, m)
	}
	if err != nil {
		return v1.Descriptor{}, err
	}
	if err := manifest.CheckDescriptor(d); err != nil {
		return v1.Descriptor{}, fmt.Errorf("%.200q: %w: %w", name, place.ErrInvalid, err)
	}
	if old, ok := r.files[d.Digest]; ok && old.Size != m.Size {
		return v1.Descriptor{}, fmt.Errorf("%s is there with %d and with %d bytes: %w", d.Digest, old.Size, m.Size, place.ErrInvalid)
	}
	r.files[d.Digest] = m
	return d, nil
}

// digest returns what m is named for, as by crane, kaniko, Bazel and all who write
// blobs/, else what it is.
func (r *dockerReader) digest(ctx context.Context, m tario.Member) (v1.Hash, error) {
	base, _, _ := strings.Cut(path.Base(m.Name), ".")
	if folder := path.Dir(m.Name); folder == "." || folder == "blobs/sha256" {
		if h, err := v1.NewHash("sha256:" + base); err == nil {
			return h, nil
		}
	}
	if h, ok := r.digests[m.Offset]; ok {
		return h, nil
	}
	h, err := v1.Hasher("sha256")
	if err != nil {
		return v1.Hash{}, err
	}
	if _, err := blob.Copy(ctx, h, r.section(m)); err != nil {
		return v1.Hash{}, err
	}
	r.digests[m.Offset] = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
	return r.digests[m.Offset], nil
}
