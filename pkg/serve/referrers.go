package serve

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Bounds on one page of referrers: how many manifests are read for it, and how
// large what is said of them may be. One is always on it.
const (
	pageReferrers     = 200
	pageReferrerBytes = 1 << 20
)

// A referrerTable says which manifests refer to what, of all that a directory reaches.
type referrerTable struct {
	mu        sync.Mutex
	of        *directory
	bySubject map[v1.Hash][]v1.Hash
}

// getReferrers lists what refers to a manifest (distribution-spec: Listing
// Referrers). A list without entries is the answer where nothing does, whatever
// else is there or not.
func (s *Server) getReferrers(w *recorder, r *http.Request, rt route) error {
	all, err := s.referrers(r.Context(), rt.digest)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	artifact := q.Get("artifactType")
	i, found := slices.BinarySearchFunc(all, q.Get("last"), func(h v1.Hash, last string) int { return strings.Compare(h.String(), last) })
	if found {
		i++
	}
	list, rest, err := s.describe(r.Context(), rt.digest, all[i:], artifact)
	if err != nil {
		return err
	}
	next := url.Values{}
	if artifact != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
		next.Set("artifactType", artifact)
	}
	if len(rest) > 0 {
		next.Set("last", all[len(all)-len(rest)-1].String())
		link(w, r, next)
	}
	writeJSON(w, r, http.StatusOK, string(types.OCIImageIndex),
		v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: list})
	return nil
}

// describe reads manifests until there are enough for a page, and returns those
// that are left. What belongs to the subject by its tag alone is none of them.
func (s *Server) describe(ctx context.Context, subject v1.Hash, all []v1.Hash, artifact string) (list []v1.Descriptor, rest []v1.Hash, err error) {
	list = []v1.Descriptor{}
	size := 0
	for i, h := range all {
		if i == pageReferrers || size > pageReferrerBytes {
			return list, all[i:], nil
		}
		doc, err := s.manifest(ctx, h)
		if errors.Is(err, place.ErrNotFound) {
			continue // it has just gone
		}
		if err != nil {
			return nil, nil, err
		}
		if sub := doc.Subject(); sub == nil || sub.Digest != subject {
			continue
		}
		d := doc.AsReferrer()
		if artifact != "" && d.ArtifactType != artifact {
			continue
		}
		list = append(list, d)
		for k, v := range d.Annotations {
			size += len(k) + len(v)
		}
	}
	return list, nil, nil
}

// referrers returns the digests of what refers to h, in order.
func (s *Server) referrers(ctx context.Context, h v1.Hash) ([]v1.Hash, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	found := map[v1.Hash]bool{}
	for _, p := range s.places {
		if ref, ok := place.As[place.Referrer](p.Source); ok {
			list, err := ref.Referrers(ctx, v1.Descriptor{Digest: h})
			if err != nil {
				return nil, err
			}
			for _, d := range list {
				found[d.Digest] = true
			}
		}
	}
	t := &s.graph.refs
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of != d {
		if t.bySubject, err = s.scan(ctx, d); err != nil {
			return nil, err
		}
		t.of = d
	}
	for _, each := range t.bySubject[h] {
		found[each] = true
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b v1.Hash) int { return strings.Compare(a.String(), b.String()) }), nil
}

// scan looks at the subject of every manifest that d reaches. Each is read once in
// the life of the server. What cannot be read refers to nothing.
func (s *Server) scan(ctx context.Context, d *directory) (map[v1.Hash][]v1.Hash, error) {
	bySubject, seen := map[v1.Hash][]v1.Hash{}, map[v1.Hash]bool{}
	var visit func(h v1.Hash, depth int)
	visit = func(h v1.Hash, depth int) {
		if seen[h] || depth > manifest.MaxNesting || len(seen) > maxNodes || ctx.Err() != nil {
			return
		}
		seen[h] = true
		n, err := s.node(ctx, h)
		if err != nil {
			return
		}
		if n.subject != (v1.Hash{}) {
			bySubject[n.subject] = append(bySubject[n.subject], h)
		}
		for _, c := range n.below {
			visit(c.digest, depth+1)
		}
	}
	for _, r := range d.repositories {
		for _, e := range r.roots {
			visit(e.root.Digest, 0)
		}
	}
	return bySubject, context.Cause(ctx)
}
