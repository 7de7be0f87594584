package serve

import (
	"errors"
	"net/http"

	"github.com/dray-oci/dray/pkg/place"
)

// deleteManifest removes what a tag stands for, or all names that a manifest has
// in the repository (distribution-spec: Content Management). Content stays until
// the store is pruned.
func (s *Server) deleteManifest(w *recorder, r *http.Request, rt route) error {
	if s.remover == nil {
		return notAllowed(w, "nothing is deleted here")
	}
	v, err := s.view(r, rt)
	if err != nil {
		return err
	}
	found := v.digest(rt.digest)
	if rt.tag != "" {
		if found, err = v.tag(rt.tag); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return faultf(http.StatusNotFound, manifestUnknown, "%s has no manifest %s of its own", rt.repository, rt.digest)
	}
	for _, e := range found {
		if e.place != 0 {
			return notAllowed(w, "it lies where nothing is written")
		}
	}
	release, err := acquire(r.Context(), s.naming)
	if err != nil {
		return err
	}
	defer release()
	for _, e := range found {
		if err := s.remover.Remove(r.Context(), e.name); err != nil && !errors.Is(err, place.ErrNotFound) {
			return err
		}
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}
