package registry

import (
	"context"
	"net/http"
	"sync"

	"github.com/dray-oci/dray/pkg/manifest"
)

// digestTags are the tags of a repository that speak of a digest, as far as one page
// of the list tells.
type digestTags struct {
	mu       sync.Mutex
	asked    bool
	complete bool // there is nothing beyond that page
	there    map[string]bool
}

// hasTag reports whether there is the tag, which speaks of a digest; known is false
// where only a request for the tag itself can tell.
func (m *remote) hasTag(ctx context.Context, tag string) (has, known bool, err error) {
	t := &m.tags
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.asked {
		if err := t.ask(ctx, m); err != nil {
			return false, false, err
		}
	}
	has = t.there[tag]
	return has, has || t.complete, nil
}

// ask reads the first page. A registry that shows no list is asked for each tag.
func (t *digestTags) ask(ctx context.Context, m *remote) error {
	req := m.read(http.MethodGet, "tags", "list")
	req.Once = true
	n := newNames(m.host, req)
	err := n.turn(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.asked, t.complete, t.there = true, err == nil && n.req == nil, map[string]bool{}
	if err != nil {
		return nil // whatever it was, the next requests will show
	}
	for _, tag := range n.page {
		if _, _, ok := manifest.SubjectOf(tag); ok {
			t.there[tag] = true
		}
	}
	return nil
}

// forgetTags has the lists of tags read anew: a tag was written.
func (r *Repo) forgetTags() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range append(r.reads[:len(r.reads):len(r.reads)], r.writes) {
		m.tags.mu.Lock()
		m.tags.asked = false
		m.tags.mu.Unlock()
	}
}
