package serve

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Bounds on what is kept of manifests: of each its descriptor, its subject, and
// the digests of the manifests in it, some 300 bytes and 100 for each.
const (
	maxNodes   = 100_000
	maxParsing = 8 // manifests in memory at once, of 4 MiB at most
)

// A node is what is kept of a manifest that was read and verified once.
type node struct {
	d       v1.Descriptor // MediaType, Size and Digest
	subject v1.Hash       // zero if there is none
	below   []child       // the manifests that an index lists
}

type child struct {
	digest  v1.Hash
	isIndex bool
}

// A graph keeps nodes. What a digest names never changes, so that they stay right.
type graph struct {
	parsing chan struct{}

	mu    sync.Mutex
	nodes map[v1.Hash]node
	count int // nodes, and the digests in them

	refs referrerTable
}

func newGraph() *graph {
	return &graph{parsing: make(chan struct{}, maxParsing), nodes: map[v1.Hash]node{}}
}

// node returns what is known of the manifest h, which is read if it is not.
func (s *Server) node(ctx context.Context, h v1.Hash) (node, error) {
	if n, ok := s.graph.get(h); ok {
		return n, nil
	}
	doc, err := s.manifest(ctx, h)
	if err != nil {
		return node{}, err
	}
	return s.graph.keep(doc), nil
}

func (g *graph) get(h v1.Hash) (node, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := g.nodes[h]
	return n, ok
}

// keep keeps doc, and forgets everything when it has become too much.
func (g *graph) keep(doc *manifest.Doc) node {
	n := node{d: v1.Descriptor{MediaType: doc.Descriptor.MediaType, Size: doc.Descriptor.Size, Digest: doc.Descriptor.Digest}}
	if sub := doc.Subject(); sub != nil {
		n.subject = sub.Digest
	}
	if doc.Index != nil {
		for _, d := range doc.Index.Manifests {
			n.below = append(n.below, child{d.Digest, isIndex(d)})
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count += 1 + len(n.below); g.count > maxNodes {
		clear(g.nodes)
		g.count = 1 + len(n.below)
	}
	g.nodes[n.d.Digest] = n
	return n
}

// acquire waits for one of the places in slots.
func acquire(ctx context.Context, slots chan struct{}) (release func(), err error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// manifest reads, verifies and parses the manifest h. Only so many are in memory
// at once.
func (s *Server) manifest(ctx context.Context, h v1.Hash) (*manifest.Doc, error) {
	release, err := acquire(ctx, s.graph.parsing)
	if err != nil {
		return nil, err
	}
	defer release()
	f, err := s.open(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	defer closing(f)
	d := v1.Descriptor{Digest: h, Size: f.Size()}
	if d.Size > manifest.MaxBytes {
		return nil, fmt.Errorf("reading manifest: %w", &blob.SizeError{Digest: h, Size: d.Size, Max: manifest.MaxBytes})
	}
	raw, err := io.ReadAll(blob.Verify(f, d))
	if err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", h, err)
	}
	doc, err := manifest.Parse(d, raw)
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w: %w", place.ErrInvalid, err)
	}
	return doc, nil
}

// isIndex reports whether d is an index, or may be one.
func isIndex(d v1.Descriptor) bool { return d.MediaType.IsIndex() || d.MediaType == "" }

// maxSubjects is how far what belongs to an image may be from it.
const maxSubjects = 8

// holds reports whether the names of v reach the manifest h, or what it belongs to.
// What cannot be read on the way there reaches nothing.
func (s *Server) holds(ctx context.Context, v view, h v1.Hash) bool {
	for range maxSubjects {
		if s.reachedBy(ctx, v, h) {
			return true
		}
		n, err := s.node(ctx, h)
		if err != nil || n.subject == (v1.Hash{}) {
			return false
		}
		h = n.subject
	}
	return false
}

// reachedBy reports whether the names of v reach the manifest h.
func (s *Server) reachedBy(ctx context.Context, v view, h v1.Hash) bool {
	if len(v.digest(h)) > 0 {
		return true
	}
	seen := map[v1.Hash]bool{}
	for r := range v.all() {
		for _, e := range r.roots {
			if isIndex(e.root) && s.reaches(ctx, e.root.Digest, h, seen, 0) {
				return true
			}
		}
	}
	return false
}

func (s *Server) reaches(ctx context.Context, from, h v1.Hash, seen map[v1.Hash]bool, depth int) bool {
	if seen[from] || depth > manifest.MaxNesting || ctx.Err() != nil {
		return false
	}
	seen[from] = true
	n, err := s.node(ctx, from)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(n.below, func(c child) bool {
		return c.digest == h || c.isIndex && s.reaches(ctx, c.digest, h, seen, depth+1)
	})
}
