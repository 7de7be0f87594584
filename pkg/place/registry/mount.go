package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Mount has the registry take blob d over from another of its repositories. A
// registry that will not has thereby begun the upload that the next Put of d
// goes on with, so that asking costs nothing; one that answers with an error is
// not asked again for the same repository.
func (r *Repo) Mount(ctx context.Context, d v1.Descriptor, from place.Source) (bool, error) {
	src, ok := place.As[*Repo](from)
	if !ok || manifest.Is(d.MediaType) {
		return false, nil
	}
	_, m, err := r.remotes(ctx)
	if err != nil {
		return false, err
	}
	_, origin, err := src.remotes(ctx)
	if err != nil || origin.host != m.host || origin.repository == m.repository || r.isRefused(origin.repository) {
		return false, err
	}
	req := m.write(http.MethodPost, "blobs", "uploads", "")
	req.Query = url.Values{"mount": {d.Digest.String()}, "from": {origin.repository}}
	req.Scopes = append(req.Scopes, auth.Pull(origin.repository))
	resp, err := m.Do(ctx, req)
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status >= 400 && e.Status < 500:
		r.refuse(origin.repository)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("mounting %s from %s: %w", r.label(d.Digest.String()), origin.repository, err)
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
