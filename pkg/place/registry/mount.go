package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Mount has the registry take blob d over from another of its repositories: the
// one that it comes from, or where it was seen. A registry that will not has
// thereby begun the upload that the next Put of d goes on with, so that asking
// costs nothing; one that answers with an error is not asked again for the same
// repository.
func (r *Repo) Mount(ctx context.Context, d v1.Descriptor, from place.Source) (bool, error) {
	m, origin, err := r.mountOrigin(ctx, d, from)
	if err != nil || origin == "" {
		return false, err
	}
	mounted, err := r.mount(ctx, m, d, origin)
	if err != nil {
		return false, fmt.Errorf("mounting %s from %s: %w", r.label(d.Digest.String()), origin, err)
	}
	if mounted {
		m.saw(d)
	}
	return mounted, nil
}

// Mountable reports whether the registry is known to have d in another of its
// repositories, and has not refused to mount from there.
func (r *Repo) Mountable(ctx context.Context, d v1.Descriptor, from place.Source) bool {
	_, origin, err := r.mountOrigin(ctx, d, from)
	return err == nil && origin != ""
}

// mountOrigin returns where d is written, and which repository it can be mounted
// from there; none if that is empty.
func (r *Repo) mountOrigin(ctx context.Context, d v1.Descriptor, from place.Source) (m *remote, origin string, err error) {
	_, m, err = r.remotes(ctx)
	if err != nil {
		return nil, "", err
	}
	var src *remote
	if other, ok := place.As[*Repo](from); ok {
		if _, src, err = other.remotes(ctx); err != nil {
			return nil, "", err
		}
	}
	origin = m.origin(d, src)
	if origin == m.repository || r.isRefused(origin) {
		origin = ""
	}
	return m, origin, nil
}

func (r *Repo) mount(ctx context.Context, m *remote, d v1.Descriptor, origin string) (mounted bool, err error) {
	req := m.write(http.MethodPost, "blobs", "uploads", "")
	req.Query = url.Values{"mount": {d.Digest.String()}, "from": {origin}}
	req.Scopes = append(req.Scopes, auth.Pull(origin))
	resp, err := m.Do(ctx, req)
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status >= 400 && e.Status < 500:
		r.refuse(origin)
		return false, nil
	case err != nil:
		return false, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode == http.StatusCreated {
		return true, stored(resp, d)
	}
	if b, err := m.begun(resp); err == nil {
		r.setPending(d.Digest, b)
	}
	return false, nil
}

func (r *Repo) isRefused(repository string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[repository]
}

func (r *Repo) refuse(repository string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused[repository] = true
}

func (r *Repo) setPending(h v1.Hash, b begun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending[h] = b
}

// takePending returns the upload that was begun for h, if any, once.
func (r *Repo) takePending(h v1.Hash) begun {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.pending[h]
	delete(r.pending, h)
	return b
}
