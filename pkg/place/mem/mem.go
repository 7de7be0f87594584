// Package mem is a place in memory: for tests, for examples, and for images
// that are made here before they go anywhere.
package mem

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// maxBlobBytes bounds what is held in memory for one blob.
const maxBlobBytes = 1 << 30

// A Place holds content and names in memory. It is both a source and a sink,
// safe for concurrent use; Close does nothing. The zero value is empty and ready.
type Place struct {
	mu    sync.RWMutex
	blobs map[v1.Hash][]byte
	names map[string]v1.Descriptor
	kin   map[string]v1.Descriptor // what belongs to images
}

var (
	_ place.Source   = (*Place)(nil)
	_ place.Sink     = (*Place)(nil)
	_ place.Ranger   = (*Place)(nil)
	_ place.Lister   = (*Place)(nil)
	_ place.Referrer = (*Place)(nil)
	_ place.Remover  = (*Place)(nil)
)

// Resolve returns what was committed under name.
func (p *Place) Resolve(_ context.Context, name string) (v1.Descriptor, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if d, ok := p.names[name]; ok {
		return d, nil
	}
	if name == "" && len(p.names) == 1 {
		for _, d := range p.names {
			return d, nil
		}
	}
	if name == "" && len(p.names) > 1 {
		return v1.Descriptor{}, &place.ChoiceError{Choices: slices.Sorted(maps.Keys(p.names))}
	}
	return v1.Descriptor{}, fmt.Errorf("%q: %w", name, place.ErrNotFound)
}

// Open returns the bytes of d.
func (p *Place) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return p.OpenRange(ctx, d, 0, -1)
}

// OpenRange returns length bytes of d from offset on.
func (p *Place) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	p.mu.RLock()
	b, ok := p.blobs[d.Digest]
	p.mu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("%s: %w", d.Digest, place.ErrNotFound)
	}
	return blob.Bytes(b)(ctx, offset, length)
}

// Traits: memory takes everything.
func (p *Place) Traits() place.Traits {
	return place.Traits{Kind: "memory", Sparse: true, Referrers: true}
}

// Has reports whether d was put.
func (p *Place) Has(_ context.Context, d v1.Descriptor) (bool, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	b, ok := p.blobs[d.Digest]
	return ok && int64(len(b)) == d.Size, nil
}

// Put reads, verifies and keeps d, which must not be larger than 1 GiB.
func (p *Place) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	b, err := blob.ReadAll(ctx, open, d, maxBlobBytes)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blobs == nil {
		p.blobs = map[v1.Hash][]byte{}
	}
	p.blobs[d.Digest] = b
	return nil
}

// Commit makes root stand under names.
func (p *Place) Commit(_ context.Context, root v1.Descriptor, names ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.blobs[root.Digest]; !ok {
		return fmt.Errorf("committing %s: %w", root.Digest, place.ErrNotFound)
	}
	if p.names == nil {
		p.names, p.kin = map[string]v1.Descriptor{}, map[string]v1.Descriptor{}
	}
	if len(names) == 0 {
		names = []string{"@" + root.Digest.String()}
	}
	to := p.names
	if root.Annotations[place.AnnotationSubject] != "" {
		to = p.kin
	}
	for _, n := range names {
		to[n] = root
	}
	return nil
}

// Referrers returns what was committed as belonging to d.
func (p *Place) Referrers(_ context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []v1.Descriptor
	for _, n := range slices.Sorted(maps.Keys(p.kin)) {
		k := p.kin[n]
		if k.Annotations[place.AnnotationSubject] != d.Digest.String() {
			continue
		}
		tag := n[strings.LastIndexByte(n, ':')+1:]
		if _, cosign, _ := manifest.SubjectOf(tag); cosign {
			k.Annotations = maps.Clone(k.Annotations)
			k.Annotations[place.AnnotationRefName], k.Annotations[place.AnnotationImageName] = tag, n
		}
		list = append(list, k)
	}
	return list, nil
}

// List visits the names in order.
func (p *Place) List(_ context.Context, visit func(place.Entry) error) error {
	p.mu.RLock()
	names := maps.Clone(p.names)
	p.mu.RUnlock()
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if err := visit(place.Entry{Name: n, Root: names[n]}); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes name; the content stays.
func (p *Place) Remove(_ context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.names[name]; !ok {
		return fmt.Errorf("%q: %w", name, place.ErrNotFound)
	}
	delete(p.names, name)
	return nil
}

// Close does nothing.
func (p *Place) Close() error { return nil }
