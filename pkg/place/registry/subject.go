package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

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
	if has, err := m.keepsReferrers(ctx, subject); has || err != nil {
		return err
	}
	list, err := r.listed(ctx, m, subject)
	if err != nil || isIn(list, doc.Descriptor) {
		return err
	}
	return r.extendTag(ctx, m, subject, list, doc)
}

// keepsReferrers reports whether the registry finds referrers by itself: it has the API.
func (m *remote) keepsReferrers(ctx context.Context, subject v1.Hash) (bool, error) {
	if m.host.referrers.Load() == 0 {
		if _, err := m.askReferrers(ctx, subject); err == nil {
			m.host.referrers.Store(hasReferrers)
		} else if refused(err) {
			m.host.referrers.Store(lacksReferrers)
		} else {
			return false, err
		}
	}
	return m.host.referrers.Load() == hasReferrers, nil
}

// listed returns what stands in the list under the subject's tag.
func (r *Repo) listed(ctx context.Context, m *remote, subject v1.Hash) ([]v1.Descriptor, error) {
	raw, err := r.referrersTag(ctx, m, subject)
	if errors.Is(err, place.ErrNotFound) || err == nil && raw == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseReferrers(raw)
}

func isIn(list []v1.Descriptor, d v1.Descriptor) bool {
	return slices.ContainsFunc(list, func(l v1.Descriptor) bool { return l.Digest == d.Digest })
}

// extendTag puts list and doc under the subject's tag. Another client may do the same at
// this moment, and the specification offers nothing against it: [Repo.ensureListed] looks
// again.
func (r *Repo) extendTag(ctx context.Context, m *remote, subject v1.Hash, list []v1.Descriptor, doc *manifest.Doc) error {
	delete(r.seenLists, subject)
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append(slices.Clip(list), doc.AsReferrer())}
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(idx); err != nil {
		return err
	}
	raw := bytes.TrimSpace(buf.Bytes())
	_, err := r.putManifest(ctx, m, manifest.Describe(idx.MediaType, raw), raw, manifest.ReferrersTag(subject))
	return err
}

// listTries is how often a list is written that others overwrite.
const listTries = 5

// ensureListed makes sure that doc, which was put some time ago, is found from its
// subject: a run may have been cut, or another client have overwritten the list. A list
// that was read since it was written last is not read again.
func (r *Repo) ensureListed(ctx context.Context, m *remote, doc *manifest.Doc) error {
	if doc.Subject() == nil {
		return nil
	}
	subject := doc.Subject().Digest
	m.subjects.Lock()
	defer m.subjects.Unlock()
	if has, err := m.keepsReferrers(ctx, subject); has || err != nil {
		return err
	}
	for range listTries {
		if isIn(r.seenLists[subject], doc.Descriptor) {
			return nil
		}
		list, err := r.listed(ctx, m, subject)
		if err != nil {
			return err
		}
		if isIn(list, doc.Descriptor) {
			r.seenLists[subject] = list
			continue
		}
		if err := r.extendTag(ctx, m, subject, list, doc); err != nil {
			return err
		}
	}
	return fmt.Errorf("the list under %s loses it again and again: somebody else writes it too", manifest.ReferrersTag(subject))
}
