package serve

import (
	"errors"
	"net/http"

	"github.com/dray-oci/dray/pkg/place"
)

// getManifest answers with a manifest (distribution-spec: Pulling manifests).
func (s *Server) getManifest(w *recorder, r *http.Request, rt route) error {
	ctx := r.Context()
	v, err := s.view(r, rt)
	if err != nil {
		return err
	}
	h := rt.digest
	if rt.tag != "" {
		found, err := v.tag(rt.tag)
		if err != nil {
			return err
		}
		h = found[0].root.Digest
	} else if !s.holds(ctx, v, h) {
		return faultf(http.StatusNotFound, manifestUnknown, "%s has no manifest %s", rt.repository, h)
	}
	n, err := s.node(ctx, h)
	if err != nil {
		return unknownContent(err, manifestUnknown)
	}
	f, err := s.open(ctx, h)
	if err != nil {
		return unknownContent(err, manifestUnknown)
	}
	defer closing(f)
	return sendFile(w, r, f, h, string(n.d.MediaType))
}

// getBlob answers with content (distribution-spec: Pulling blobs).
func (s *Server) getBlob(w *recorder, r *http.Request, rt route) error {
	if s.sink == nil { // a repository that is being pushed has blobs before it has a name
		if _, err := s.view(r, rt); err != nil {
			return err
		}
	}
	f, err := s.open(r.Context(), rt.digest)
	if err != nil {
		return unknownContent(err, blobUnknown)
	}
	defer closing(f)
	return sendFile(w, r, f, rt.digest, "application/octet-stream")
}

// unknownContent is what a client is told if content is not there.
func unknownContent(err error, c code) error {
	if errors.Is(err, place.ErrNotFound) {
		return faultf(http.StatusNotFound, c, "it is not there")
	}
	return err
}
