package layout

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Finder finds what belongs to the images of a layout folder. It reads the
// index.json again only when that has changed. It is safe for concurrent use.
type Finder struct {
	mu    sync.Mutex
	stamp string
	x     *Index
}

// Referrers is [Index.Referrers] of d as it is now; with foreign also what other tools
// have put there.
func (f *Finder) Referrers(ctx context.Context, d Dir, subject v1.Hash, foreign bool) ([]v1.Descriptor, error) {
	x, err := f.index(d)
	if err != nil {
		return nil, err
	}
	if !foreign {
		return x.Referrers(ctx, subject, nil)
	}
	return x.Referrers(ctx, subject, d.Manifest)
}

func (f *Finder) index(d Dir) (*Index, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamp, err := place.FileStamp(filepath.Join(d.Path, "index.json"))
	if err == nil && f.x != nil && stamp == f.stamp {
		return f.x, nil
	}
	x, err := d.Index()
	if err != nil {
		return nil, err
	}
	f.x, f.stamp = x, stamp
	return x, nil
}

// Manifest reads, verifies and parses the manifest desc.
func (d Dir) Manifest(ctx context.Context, desc v1.Descriptor) (*manifest.Doc, error) {
	f, err := d.OpenBlob(desc.Digest)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	raw, err := blob.ReadAll(ctx, blob.File(d.BlobPath(desc.Digest)), desc, manifest.MaxBytes)
	if err != nil {
		return nil, err
	}
	doc, err := manifest.Parse(desc, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return doc, nil
}
