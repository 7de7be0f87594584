package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Whether a host has the referrers API.
const (
	hasReferrers   = 1
	lacksReferrers = 2
)

// Referrers returns what has d as its subject: from the referrers API, or where
// there is none from the tag that stands in for it. Nothing is no error.
func (r *Repo) Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	if err := manifest.CheckDescriptor(d); err != nil {
		return nil, err
	}
	var list []v1.Descriptor
	err := r.first(ctx, func(m *remote, last bool) error {
		var err error
		list, err = r.referrers(ctx, m, d.Digest)
		if err == nil && len(list) == 0 && !last {
			return place.ErrNotFound // a mirror need not have what refers to an image
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing what refers to %s: %w", r.label(d.Digest.String()), err)
	}
	return list, nil
}

func (r *Repo) referrers(ctx context.Context, m *remote, subject v1.Hash) ([]v1.Descriptor, error) {
	if m.host.referrers.Load() != lacksReferrers {
		list, err := m.askReferrers(ctx, subject)
		if err == nil {
			m.host.referrers.Store(hasReferrers)
			return list, nil
		}
		if !refused(err) || m.host.referrers.Load() == hasReferrers {
			if errors.Is(err, place.ErrNotFound) {
				return nil, nil
			}
			return nil, err
		}
	}
	raw, err := r.referrersTag(ctx, m, subject)
	if errors.Is(err, place.ErrNotFound) || err == nil && raw == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseReferrers(raw)
}

// askReferrers asks the API (distribution-spec: Listing Referrers), all pages.
func (m *remote) askReferrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	req := m.read(http.MethodGet, "referrers", subject.String())
	req.Header.Set("Accept", string(types.OCIImageIndex))
	var list []v1.Descriptor
	for p := (pages{h: m.host, req: req}); p.req != nil; {
		body, err := p.next(ctx)
		if err != nil {
			return nil, err
		}
		page, err := parseReferrers(body)
		if err != nil {
			return nil, err
		}
		if list = append(list, page...); len(list) > manifest.MaxChildren {
			return nil, fmt.Errorf("more than %d referrers: %w", manifest.MaxChildren, place.ErrInvalid)
		}
	}
	return list, nil
}

func parseReferrers(raw []byte) ([]v1.Descriptor, error) {
	doc, err := manifest.New(raw)
	if err == nil && doc.Index == nil {
		err = errors.New("it is no index")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, place.ErrInvalid)
	}
	return doc.Index.Manifests, nil
}

// referrersTag reads the index under the tag that stands in for the API
// (distribution-spec: Referrers Tag Schema).
func (r *Repo) referrersTag(ctx context.Context, m *remote, subject v1.Hash) ([]byte, error) {
	d, err := r.readManifest(ctx, m, tagFor(subject), false)
	if err != nil {
		return nil, err
	}
	kept, ok := r.docs.get(d.Digest)
	if !ok {
		return nil, nil
	}
	return kept.raw, nil
}

// tagFor: at most 128 characters make a tag; the schema cuts the parts to 32 and 64.
func tagFor(h v1.Hash) string {
	return h.Algorithm[:min(len(h.Algorithm), 32)] + "-" + h.Hex[:min(len(h.Hex), 64)]
}

// addReferrer makes d, which was put, findable from its subject, if it has one
// and the registry does not do so by itself.
func (r *Repo) addReferrer(ctx context.Context, m *remote, d v1.Descriptor, raw []byte) error {
	doc, err := manifest.Parse(d, raw)
	if err != nil || doc.Subject() == nil {
		return nil // what it may be is the registry's to judge, and it has taken it
	}
	subject := doc.Subject().Digest
	m.subjects.Lock()
	defer m.subjects.Unlock()
	if m.host.referrers.Load() == 0 {
		if _, err := m.askReferrers(ctx, subject); err == nil {
			m.host.referrers.Store(hasReferrers)
		} else if refused(err) {
			m.host.referrers.Store(lacksReferrers)
		} else {
			return err
		}
	}
	if m.host.referrers.Load() == hasReferrers {
		return nil
	}
	return r.extendTag(ctx, m, subject, doc.AsReferrer())
}

// extendTag adds d to the index under the subject's tag. Nothing guards against
// another client doing the same at this moment; the specification offers nothing.
func (r *Repo) extendTag(ctx context.Context, m *remote, subject v1.Hash, d v1.Descriptor) error {
	raw, err := r.referrersTag(ctx, m, subject)
	var list []v1.Descriptor
	switch {
	case err == nil:
		if list, err = parseReferrers(raw); err != nil {
			return err
		}
	case !errors.Is(err, place.ErrNotFound):
		return err
	}
	if slices.ContainsFunc(list, func(l v1.Descriptor) bool { return l.Digest == d.Digest }) {
		return nil
	}
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append(list, d)}
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(idx); err != nil {
		return err
	}
	raw = bytes.TrimSpace(buf.Bytes())
	_, err = r.putManifest(ctx, m, manifest.Describe(idx.MediaType, raw), raw, tagFor(subject))
	return err
}
