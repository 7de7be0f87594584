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
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Has asks with one HEAD request whether the registry has d. In a repository
// that does not exist yet only large blobs are asked for: an interrupted run may
// have left them, and the rest costs no more to send than to ask about.
func (r *Repo) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	_, m, err := r.remotes(ctx)
	if err != nil {
		return false, err
	}
	if doc, ok := r.docs.get(d.Digest); ok && doc.put {
		return true, nil
	}
	if d.Size <= smallBytes && r.isNew.Load() {
		return false, nil
	}
	has, err := m.has(ctx, d)
	if err != nil {
		return false, fmt.Errorf("asking for %s: %w", r.label(d.Digest.String()), err)
	}
	if has {
		m.saw(d)
	}
	if !has && r.lookedNew.CompareAndSwap(false, true) {
		r.isNew.Store(m.isUnknown(ctx))
	}
	return has, nil
}

func (m *remote) has(ctx context.Context, d v1.Descriptor) (bool, error) {
	req := m.write(http.MethodHead, kind(d), d.Digest.String())
	if manifest.Is(d.MediaType) {
		req.Header.Set("Accept", string(d.MediaType))
	}
	resp, err := m.Do(ctx, req)
	if errors.Is(err, place.ErrNotFound) || errors.Is(err, place.ErrDenied) {
		return false, nil // who may not ask may still be allowed to write: that will tell
	}
	if err != nil {
		return false, err
	}
	size := resp.ContentLength
	return size < 0 || size == d.Size, resp.Body.Close()
}

// isUnknown reports whether the registry says that it has no such repository.
func (m *remote) isUnknown(ctx context.Context) bool {
	req := m.write(http.MethodGet, "tags", "list")
	req.Query, req.Once = url.Values{"n": {"1"}}, true
	resp, err := m.Do(ctx, req)
	if err == nil {
		err = resp.Body.Close()
	}
	var e *wire.Error
	return errors.As(err, &e) && e.Code == "NAME_UNKNOWN"
}
