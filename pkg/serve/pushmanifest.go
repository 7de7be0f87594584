package serve

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// Bounds on manifests that are pushed: how many are in memory at once, and how
// long each may take to come.
const (
	maxPushing      = 16
	manifestTimeout = 30 * time.Second
)

// putManifest stores a manifest, and gives it a name: the tag, or its digest
// (distribution-spec: Pushing Manifests).
func (s *Server) putManifest(w *recorder, r *http.Request, rt route) error {
	ctx := r.Context()
	base, err := baseName(r, rt)
	if err != nil {
		return err
	}
	release, err := acquire(ctx, s.pushing)
	if err != nil {
		return err
	}
	defer release()
	w.within(manifestTimeout)
	doc, err := s.received(r, rt)
	if err != nil {
		return err
	}
	if err := s.complete(ctx, doc); err != nil {
		return err
	}
	d := doc.Descriptor
	if err := s.sink.Put(ctx, d, blob.Bytes(doc.Raw)); err != nil {
		return err
	}
	if err := s.commit(ctx, base, rt, doc); err != nil {
		return err
	}
	if sub := doc.Subject(); sub != nil {
		w.Header().Set("OCI-Subject", sub.Digest.String())
	}
	w.Header().Set("Location", "/v2/"+rt.repository+"/manifests/"+d.Digest.String())
	w.Header().Set("Docker-Content-Digest", d.Digest.String())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// commit names what was put. One does so at a time: the lock of a store is one that
// processes try again and again, which would cost those of one process more than
// the work itself.
func (s *Server) commit(ctx context.Context, base ref.Name, rt route, doc *manifest.Doc) error {
	release, err := acquire(ctx, s.naming)
	if err != nil {
		return err
	}
	defer release()
	d := doc.Descriptor
	subject, isImage := subjectOf(doc, rt.tag)
	if !s.sink.Traits().Referrers || subject.Hex == "" {
		isImage = true
	} else {
		kin, tag := d, rt.tag
		kin.Annotations = map[string]string{place.AnnotationSubject: subject.String()}
		if isImage {
			tag = ""
		}
		if err := s.sink.Commit(ctx, kin, named(base, tag, d.Digest)); err != nil {
			return err
		}
	}
	if isImage {
		if err := s.keepMoved(ctx, base, rt.tag, d.Digest); err != nil {
			return err
		}
		if err := s.sink.Commit(ctx, d, named(base, rt.tag, d.Digest)); err != nil {
			return err
		}
	}
	s.graph.keep(doc)
	return s.unpin(ctx, base, rt, doc)
}

// keepMoved gives what tag stands for, if that is not next, its digest for a name:
// those who have pulled it go by its digest, and find it in registries as long as
// nobody deletes it. Where the repository has another name for it, that will do.
func (s *Server) keepMoved(ctx context.Context, base ref.Name, tag string, next v1.Hash) error {
	if tag == "" {
		return nil
	}
	d, err := s.directory(ctx)
	if err != nil {
		return err
	}
	r := d.repositories[base]
	if r == nil {
		return nil
	}
	old, ok := r.tags[tag]
	if !ok || old.place != 0 || old.root.Digest == next || old.root.Annotations[place.AnnotationSubject] != "" {
		return nil
	}
	for _, e := range r.roots {
		if e.place == 0 && e.tag != tag && e.root.Digest == old.root.Digest {
			return nil
		}
	}
	err = s.sink.Commit(ctx, old.root, named(base, "", old.root.Digest))
	if errors.Is(err, place.ErrNotFound) {
		return nil // it is lost, and a push is what makes the tag good again
	}
	return err
}

// subjectOf returns what doc belongs to, if it does to anything, and whether it is
// also an image of its own: it has a tag that is not cosign's.
func subjectOf(doc *manifest.Doc, tag string) (subject v1.Hash, isImage bool) {
	if h, cosign, ok := manifest.SubjectOf(tag); ok && cosign {
		return h, false
	}
	if doc.Subject() == nil {
		return v1.Hash{}, true
	}
	return doc.Subject().Digest, tag != ""
}

// baseName is what the path of rt names, in full.
func baseName(r *http.Request, rt route) (ref.Name, error) {
	path := rt.repository
	if ns := namespace(r); ns != "" {
		path = ns + "/" + path
	}
	n, err := ref.ParseRepository(path)
	if err != nil {
		return n, faultf(http.StatusBadRequest, nameInvalid, "%.300q is no image name", path)
	}
	return n, nil
}

func named(base ref.Name, tag string, h v1.Hash) string {
	if tag != "" {
		return base.WithTag(tag).String()
	}
	return base.WithDigest(digest.Digest(h.String())).String()
}

// received reads and parses the manifest that r brings.
func (s *Server) received(r *http.Request, rt route) (*manifest.Doc, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, manifest.MaxBytes+1))
	switch {
	case err != nil:
		return nil, faultf(http.StatusBadRequest, manifestInvalid, "the body broke off after %d bytes", len(raw))
	case len(raw) > manifest.MaxBytes:
		return nil, faultf(http.StatusRequestEntityTooLarge, sizeInvalid, "a manifest has %d bytes at most", manifest.MaxBytes)
	}
	d := manifest.Describe(contentType(r), raw)
	if rt.tag == "" && rt.digest != d.Digest {
		if d.Digest, err = sum(rt.digest.Algorithm, raw); err != nil || rt.digest != d.Digest {
			return nil, faultf(http.StatusBadRequest, digestInvalid, "the manifest is not %s", rt.digest)
		}
	}
	doc, err := manifest.Parse(d, raw)
	if err != nil {
		return nil, faultf(http.StatusBadRequest, manifestInvalid, "%v", err)
	}
	return doc, nil
}

// contentType is the media type that r says, empty if it says nothing of use.
func contentType(r *http.Request) types.MediaType {
	mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !manifest.Is(types.MediaType(mt)) {
		return ""
	}
	return types.MediaType(mt)
}

func sum(algorithm string, raw []byte) (v1.Hash, error) {
	h, err := v1.Hasher(algorithm)
	if err != nil {
		return v1.Hash{}, err
	}
	h.Write(raw)
	return v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(h.Sum(nil))}, nil
}

// complete makes sure that what an image names is in the sink; what only another
// place has is copied there. An index may come without some of its images.
func (s *Server) complete(ctx context.Context, doc *manifest.Doc) error {
	for _, c := range doc.Children() {
		has, err := s.sink.Has(ctx, c)
		if err != nil {
			return err
		}
		if has {
			continue
		}
		err = s.adopt(ctx, c)
		switch {
		case errors.Is(err, place.ErrNotFound) && (doc.Index != nil || manifest.IsForeign(c)):
		case errors.Is(err, place.ErrNotFound), errors.Is(err, blob.ErrMismatch):
			return faultf(http.StatusBadRequest, manifestBlobUnknown, "%s, of %d bytes, is not there", c.Digest, c.Size)
		case err != nil:
			return err
		}
	}
	return nil
}

// adopt copies d into the sink from another place.
func (s *Server) adopt(ctx context.Context, d v1.Descriptor) error {
	f, err := s.open(ctx, d.Digest)
	if err != nil {
		return err
	}
	closing(f)
	return s.sink.Put(ctx, d, func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		f, err := s.open(ctx, d.Digest)
		if err != nil {
			return nil, err
		}
		if offset > f.Size() {
			return nil, errors.Join(blob.ErrOffset, f.Close())
		}
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if length < 0 {
			return f, nil
		}
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(f, length), f}, nil
	})
}

// unpin removes the names by digest that manifests got while nothing else reached
// them: the images of an index are pushed before it, and many clients push by
// digest before they push the tag.
func (s *Server) unpin(ctx context.Context, base ref.Name, rt route, doc *manifest.Doc) error {
	remover, ok := place.As[place.Remover](s.sink)
	if !ok || rt.tag == "" && doc.Index == nil {
		return nil // before the names are listed, which takes time where there are thousands
	}
	d, err := s.directory(ctx)
	if err != nil {
		return err
	}
	r := d.repositories[base]
	if r == nil {
		return nil
	}
	reached := map[v1.Hash]bool{}
	if rt.tag != "" {
		reached[doc.Descriptor.Digest] = true
	}
	if doc.Index != nil {
		for _, c := range doc.Index.Manifests {
			reached[c.Digest] = true
		}
	}
	for _, e := range r.roots {
		if e.place != 0 || e.tag != "" || !reached[e.root.Digest] || e.root.Annotations[place.AnnotationSubject] != "" {
			continue
		}
		if err := remover.Remove(ctx, e.name); err != nil && !errors.Is(err, place.ErrNotFound) {
			return err
		}
	}
	return nil
}
