package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// Open returns the bytes of d, unverified, at most d.Size+1 of them. When the
// connection breaks it asks for the rest, as often as there was progress between.
func (r *Repo) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return r.OpenRange(ctx, d, 0, -1)
}

// OpenRange is Open for length bytes from offset on, or all the rest if length
// is negative. From a server that has no ranges the rest is read from the start,
// and what comes before offset dropped; a bounded piece of it from the middle is
// place.ErrUnsupported, so that nobody who wants many pieces reads all for each.
func (r *Repo) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if err := manifest.CheckDescriptor(d); err != nil {
		return nil, err
	}
	if offset < 0 || offset > d.Size {
		return nil, fmt.Errorf("reading %s: %w", r.label(d.Digest.String()), blob.ErrOffset)
	}
	if doc, ok := r.docs.get(d.Digest); ok {
		return blob.Bytes(doc.raw)(ctx, offset, length)
	}
	if length == 0 || offset == d.Size && offset > 0 {
		return http.NoBody, nil
	}
	var s *stream
	err := r.first(ctx, func(m *remote, last bool) error {
		s = newStream(ctx, m, d, offset, length)
		s.label = r.label(d.Digest.String())
		if last {
			return s.open()
		}
		return s.request()
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", r.label(d.Digest.String()), err)
	}
	s.m.saw(d)
	if offset == 0 && length < 0 && (manifest.Is(d.MediaType) || d.MediaType.IsConfig()) {
		return r.docs.keeping(s, d), nil
	}
	return s, nil
}
