package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A Repo is one repository as source and sink. Names within it are tags, or
// digests with or without a leading "@". All methods but Close are safe for
// concurrent use.
type Repo struct {
	c    *Client
	name ref.Name
	docs docs // manifests that passed here

	lookedNew, isNew atomic.Bool // whether the repository exists: was that asked, and does it not

	mu      sync.Mutex
	reads   []*remote // nil until first asked for
	writes  *remote
	pending map[v1.Hash]begun // uploads that a refused mount has begun
	refused map[string]bool   // repositories that nothing can be mounted from

	// Lists of referrers by subject, as they were after they were written last;
	// guarded by the subjects lock of the host.
	seenLists map[v1.Hash][]v1.Descriptor
}

var (
	_ place.Source   = (*Repo)(nil)
	_ place.Sink     = (*Repo)(nil)
	_ place.Ranger   = (*Repo)(nil)
	_ place.Lister   = (*Repo)(nil)
	_ place.Referrer = (*Repo)(nil)
	_ place.Mounter  = (*Repo)(nil)
	_ place.Remover  = (*Repo)(nil)
)

// Repo returns the repository of name, whose tag or digest is what the empty
// name stands for. It opens nothing.
func (c *Client) Repo(name ref.Name) *Repo {
	return &Repo{c: c, name: name, pending: map[v1.Hash]begun{}, refused: map[string]bool{}, seenLists: map[v1.Hash][]v1.Descriptor{}}
}

// Name returns the name the repository was opened with.
func (r *Repo) Name() ref.Name { return r.name }

// Close releases what is held in memory; the connections are the client's.
func (r *Repo) Close() error {
	r.docs.clear()
	return nil
}

// label names what has this identifier in a message: host/repo:tag or host/repo@digest.
func (r *Repo) label(id string) string {
	sep := ":"
	if strings.Contains(id, ":") {
		sep = "@"
	}
	return r.name.Base().String() + sep + id
}

// remotes finds out, once, where to read and where to write.
func (r *Repo) remotes(ctx context.Context) (reads []*remote, writes *remote, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reads != nil {
		return r.reads, r.writes, nil
	}
	own := Endpoint{Host: r.name.Host, Repository: r.name.Repository}
	eps := Endpoints{Read: []Endpoint{own}, Write: own}
	if r.c.o.Endpoints != nil {
		if eps, err = r.c.o.Endpoints(ctx, r.name); err != nil {
			return nil, nil, err
		}
	}
	if len(eps.Read) == 0 {
		eps.Read = []Endpoint{eps.Write}
	}
	for _, ep := range eps.Read {
		reads = append(reads, r.c.remote(ep))
	}
	r.reads, r.writes = reads, r.c.remote(eps.Write)
	return r.reads, r.writes, nil
}

// first has f ask the remotes in turn until one can answer. The last one may
// ask more than once; the others are mirrors, and passed over.
func (r *Repo) first(ctx context.Context, f func(m *remote, last bool) error) error {
	reads, _, err := r.remotes(ctx)
	if err != nil {
		return err
	}
	for i, m := range reads {
		last := i == len(reads)-1
		if !last && m.down.Load() {
			continue
		}
		err := f(m, last)
		if err == nil || last || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, place.ErrUnavailable) {
			m.down.Store(true)
		}
		r.c.o.Events.Emit(event.Event{Kind: event.Note, Name: r.name.String(), Text: "mirror passed over", Err: fmt.Errorf("mirror %s: %w", m.Name(), err)})
	}
	return nil // not reached: there is a last one
}
