package cstorage

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// Save writes the image that stands under name to w: as an OCI layout where that
// gives back the manifest that podman has, else in docker's form, which at least
// keeps the config as it is.
//
// An OCI layout of anything else would be worse: podman 4.3 calls layers gzip
// there that are plain, and of Docker's configs drops what OCI's do not have.
func (e *Engine) Save(ctx context.Context, w io.Writer, name string) error {
	i, err := e.inspect(ctx, name)
	if err != nil {
		return err
	}
	form := []string{"--format", "docker-archive"}
	if e.isPlain(ctx, i) {
		form = []string{"--uncompressed", "--format", "oci-archive"}
	}
	args := append([]string{"save", "--quiet"}, form...)
	return e.run(ctx, nil, w, append(args, "--", name)...)
}

// isPlain reports whether i has an OCI manifest whose layers are not compressed.
// Podman does not show manifests; they are looked for where containers/storage
// keeps them, and one that is not found, or not the right one, is not plain.
func (e *Engine) isPlain(ctx context.Context, i image) bool {
	digest, err := v1.NewHash(i.Digest)
	if err != nil {
		return false
	}
	raw, err := e.manifest(ctx, i.ID)
	if err != nil {
		return false
	}
	d := v1.Descriptor{Digest: digest, Size: int64(len(raw))}
	if _, err := blob.ReadAll(ctx, blob.Bytes(raw), d, manifest.MaxBytes); err != nil {
		return false
	}
	doc, err := manifest.Parse(d, raw)
	return err == nil && doc.Descriptor.MediaType == types.OCIManifestSchema1 &&
		!slices.ContainsFunc(doc.Image.Layers, func(l v1.Descriptor) bool { return l.MediaType != types.OCIUncompressedLayer })
}

// manifest reads the manifest of the image with that ID from podman's store
// (containers/storage: GRAPHROOT/DRIVER-images/ID/manifest).
func (e *Engine) manifest(ctx context.Context, id string) ([]byte, error) {
	var out atMost
	if err := e.run(ctx, nil, &out, "info", "--format", "{{.Store.GraphRoot}}/{{.Store.GraphDriverName}}-images"); err != nil {
		return nil, err
	}
	if _, err := v1.NewHash("sha256:" + id); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(out.b)), id, "manifest"))
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	raw, err := io.ReadAll(io.LimitReader(f, manifest.MaxBytes+1))
	if err == nil && len(raw) > manifest.MaxBytes {
		err = fmt.Errorf("more than %d bytes", manifest.MaxBytes)
	}
	return raw, err
}
