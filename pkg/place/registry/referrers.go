package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Whether a host has the referrers API.
const (
	hasReferrers   = 1
	lacksReferrers = 2
)

// Referrers returns what has d as its subject, from the referrers API, or where there
// is none from the tag that stands in for it; and what stands under the tags of
// cosign. It costs two requests where there is nothing: the API and the first page of
// the tags, which a [Client] reads once and looks into for all that is asked. Where there
// are more tags than on that page, it asks for each of cosign's.
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
	var bySubject, byTag []v1.Descriptor
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		bySubject, err = r.bySubject(ctx, m, subject)
		return err
	})
	g.Go(func() (err error) {
		byTag, err = r.byTag(ctx, m, subject)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return append(bySubject, byTag...), nil
}

// bySubject returns what says itself that it belongs to subject.
func (r *Repo) bySubject(ctx context.Context, m *remote, subject v1.Hash) ([]v1.Descriptor, error) {
	m.probing.Lock() // until it is known whether there is the API: it is asked for once
	unlock := sync.OnceFunc(m.probing.Unlock)
	defer unlock()
	if m.host.referrers.Load() == hasReferrers {
		unlock()
	}
	if m.host.referrers.Load() != lacksReferrers && !m.noAPI.Load() {
		list, err := m.askReferrers(ctx, subject)
		if err == nil {
			m.host.referrers.Store(hasReferrers)
			return list, nil
		}
		has := m.host.referrers.Load() == hasReferrers
		if has && errors.Is(err, place.ErrNotFound) {
			return nil, nil
		}
		// Some deny what they do not know. Whoever denies the tag too means it.
		if has || !refused(err) && !errors.Is(err, place.ErrDenied) {
			return nil, err
		}
		var e *wire.Error
		m.noAPI.Store(errors.As(err, &e) && e.Code == "")
	}
	unlock()
	if has, known, err := m.hasTag(ctx, manifest.ReferrersTag(subject)); err != nil || known && !has {
		return nil, err
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

// byTag returns what cosign keeps for subject.
func (r *Repo) byTag(ctx context.Context, m *remote, subject v1.Hash) ([]v1.Descriptor, error) {
	tags := manifest.CosignTags(subject)
	found := make([]v1.Descriptor, len(tags))
	g, ctx := errgroup.WithContext(ctx)
	for i, tag := range tags {
		has, known, err := m.hasTag(ctx, tag)
		if err != nil {
			return nil, errors.Join(err, g.Wait())
		}
		if known && !has {
			continue
		}
		g.Go(func() error {
			d, err := r.resolve(ctx, m, tag, false)
			if errors.Is(err, place.ErrNotFound) {
				return nil
			}
			d.Annotations = map[string]string{
				place.AnnotationRefName:   tag,
				place.AnnotationImageName: r.name.Base().WithTag(tag).String(),
			}
			found[i] = d
			return err
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(found, func(d v1.Descriptor) bool { return d.Digest.Hex == "" }), err
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
	d, err := r.readManifest(ctx, m, manifest.ReferrersTag(subject), false)
	if err != nil {
		return nil, err
	}
	kept, ok := r.docs.get(d.Digest)
	if !ok {
		return nil, nil
	}
	return kept.raw, nil
}
