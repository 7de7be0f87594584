package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Repository is a registry's repository, in which a name may stand for an update
// that some tool has brought there. That shows when the name is resolved: from then
// on the repository is what [Source] is, and what it was before if the name stands
// for anything else. It is for one name, and not for many at once.
type Repository struct {
	place.Source
	o ReadOptions

	mu     sync.Mutex
	doc    doc     // the manifest that was looked into: it is not read again
	update *Source // nil: there is none
}

var _ place.Source = (*Repository)(nil)

// OpenRepository returns src, which is closed with it, as a [*Repository].
func OpenRepository(src place.Source, o ReadOptions) *Repository {
	return &Repository{Source: src, o: o}
}

// Unwrap lets [place.As] look through, to the update if there is one.
func (r *Repository) Unwrap() place.Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.update != nil {
		return r.update
	}
	return r.Source
}

// Resolve returns the image that name stands for, or that the update is of that it
// stands for. Of an image without an index the manifest is read.
func (r *Repository) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	d, err := r.Source.Resolve(ctx, name)
	if err != nil || !d.MediaType.IsImage() {
		return d, err
	}
	raw, err := blob.ReadAll(ctx, place.Opener(r.Source, d), d, manifest.MaxBytes)
	if err != nil {
		return d, fmt.Errorf("reading manifest %s: %w", d.Digest, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doc = doc{d, raw}
	m, err := manifest.Parse(d, raw)
	if err != nil || m.Image.ArtifactType != UpdateType || r.update != nil {
		return d, nil // who reads it finds out what is wrong with it
	}
	if r.update, err = r.open(ctx, m); err != nil {
		return d, fmt.Errorf("reading update %s: %w", d.Digest, err)
	}
	return r.update.updates[0].Root, nil
}

// open reads the update whose artifact is m.
func (r *Repository) open(ctx context.Context, m *manifest.Doc) (*Source, error) {
	s := newSource(asBlobs{r.Source}, r.o)
	left := int64(maxUpdateBytes)
	u, err := readArtifact(ctx, s.Source, m, &left)
	if err == nil {
		err = s.add(u, map[string]v1.Hash{})
	}
	if err == nil {
		err = s.checkRecipes()
	}
	if err == nil && r.o.With != nil {
		s.with, err = r.o.With(ctx)
	}
	return s, err
}

// Open opens the content of d.
func (r *Repository) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r.mu.Lock()
	known := r.doc
	r.mu.Unlock()
	if d.Digest == known.d.Digest && known.raw != nil {
		return blob.Bytes(known.raw)(ctx, 0, -1)
	}
	return r.Unwrap().Open(ctx, d)
}

// Close closes everything that was opened.
func (r *Repository) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.update != nil {
		return r.update.Close()
	}
	return r.Source.Close()
}

// asBlobs reads manifests as the layers of an artifact that they are: not where a
// registry has the manifests of the repository.
type asBlobs struct{ place.Source }

func (s asBlobs) Unwrap() place.Source { return s.Source }

func (s asBlobs) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, d, 0, -1)
}

func (s asBlobs) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	asManifest := d
	if manifest.Is(d.MediaType) {
		d.MediaType = types.MediaType("application/octet-stream")
	}
	rc, err := place.OpenRange(ctx, s.Source, d, offset, length)
	if errors.Is(err, place.ErrNotFound) && manifest.Is(asManifest.MediaType) {
		return place.OpenRange(ctx, s.Source, asManifest, offset, length)
	}
	return rc, err
}
