package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Traits: a registry keeps bytes as they are. Whether it takes an index whose
// children are not there is its own matter, and said by its error.
func (r *Repo) Traits() place.Traits {
	return place.Traits{Kind: "registry", Sparse: true, Referrers: true, Puts: r.c.o.PerHost}
}

// Put stores d. Small content is read, verified and sent in one piece; more goes
// up in a stream that is continued after a break, and verified by the registry.
func (r *Repo) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	err := manifest.CheckDescriptor(d)
	if err == nil {
		err = r.put(ctx, d, open)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", r.label(d.Digest.String()), err)
	}
	return nil
}

func (r *Repo) put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	_, m, err := r.remotes(ctx)
	if err != nil {
		return err
	}
	if !manifest.Is(d.MediaType) {
		err := newUpload(r, m, d, open).run(ctx)
		if err == nil {
			m.saw(d)
		}
		return err
	}
	if doc, ok := r.docs.get(d.Digest); ok && doc.put {
		return nil
	}
	raw, err := blob.ReadAll(ctx, open, d, manifest.MaxBytes)
	if err != nil {
		return err
	}
	subject, err := r.putManifest(ctx, m, d, raw, d.Digest.String())
	if err != nil {
		return err
	}
	r.docs.keep(doc{d: d, raw: raw, put: true})
	if subject {
		return nil
	}
	return r.addReferrer(ctx, m, d, raw)
}

// putManifest sends a manifest to stand under a tag or its digest. It reports
// whether the registry has taken note of the manifest's subject.
func (r *Repo) putManifest(ctx context.Context, m *remote, d v1.Descriptor, raw []byte, id string) (subject bool, err error) {
	req := m.write(http.MethodPut, "manifests", id)
	req.Header.Set("Content-Type", string(d.MediaType))
	req.Size = int64(len(raw))
	req.Body = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	resp, err := m.Do(ctx, req)
	for range digestTries {
		if !isDigestInvalid(err) {
			break
		}
		resp, err = m.Do(ctx, req)
	}
	if err != nil {
		return false, err
	}
	r.isNew.Store(false)
	if subject = resp.Header.Get("OCI-Subject") != ""; subject {
		m.host.referrers.Store(hasReferrers)
	}
	if id != d.Digest.String() {
		r.forgetTags()
	}
	return subject, errors.Join(stored(resp, d), resp.Body.Close())
}

// digestTries is how often a manifest is sent again that is said to have another
// digest, which it has not: raw was verified. Docker-registry 2.8 says so of an index
// whose image is given a tag at the same moment: it reads a link that is being written.
const digestTries = 3

func isDigestInvalid(err error) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Code == "DIGEST_INVALID"
}

// stored holds what the registry says it has stored against d.
func stored(resp *http.Response, d v1.Descriptor) error {
	said := resp.Header.Get(digestHeader)
	if h, err := v1.NewHash(said); err != nil || h.Algorithm != d.Digest.Algorithm || h == d.Digest {
		return nil // it may say nothing, or use another algorithm
	}
	return fmt.Errorf("the registry says it has stored %.200q: %w", said, blob.ErrMismatch)
}

// Commit makes root stand under names, which are tags. For its digest alone
// nothing is left to do once it has been put; but what belongs to an image is made
// sure to be found, and a tag of cosign that has more than root keeps it. The error may
// be a [*TagError].
func (r *Repo) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	_, m, err := r.remotes(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for _, name := range names {
		id, err := r.identify(ctx, name)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if root.Annotations[place.AnnotationSubject] != "" {
		if err := r.commitReferrer(ctx, m, root, ids); err != nil {
			return fmt.Errorf("committing %s: %w", r.label(root.Digest.String()), err)
		}
		return nil
	}
	kept, err := r.kept(ctx, m, root)
	if err != nil {
		return fmt.Errorf("committing %s: %w", r.label(root.Digest.String()), err)
	}
	for _, id := range ids {
		if id == root.Digest.String() {
			continue
		}
		if err := matches(id, kept.d); err != nil {
			return err
		}
		if _, err := r.putManifest(ctx, m, kept.d, kept.raw, id); err != nil {
			return fmt.Errorf("writing %s: %w", r.label(id), err)
		}
	}
	return nil
}

// kept returns the manifest that was put, or stood there already.
func (r *Repo) kept(ctx context.Context, m *remote, d v1.Descriptor) (doc, error) {
	if kept, ok := r.docs.get(d.Digest); ok && kept.put {
		return kept, nil
	}
	return r.fetch(ctx, m, d)
}

// fetch reads back a manifest from where it was written.
func (r *Repo) fetch(ctx context.Context, m *remote, d v1.Descriptor) (doc, error) {
	raw, err := blob.ReadAll(ctx, func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		s := newStream(ctx, m, d, offset, length)
		s.label = r.label(d.Digest.String())
		return s, s.told(s.open())
	}, d, manifest.MaxBytes)
	if err != nil {
		return doc{}, err
	}
	kept := doc{d: d, raw: raw, put: true}
	r.docs.keep(kept)
	return kept, nil
}

// begun is an upload that has begun: where it goes on, and the smallest chunk
// that the registry takes there.
type begun struct {
	at       *url.URL
	minChunk int64
}
