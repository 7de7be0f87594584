package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// postUpload begins an upload, takes a whole blob at once, or mounts one that is
// there (distribution-spec: Pushing blobs).
func (s *Server) postUpload(w *recorder, r *http.Request, rt route) error {
	q := r.URL.Query()
	if mount := q.Get("mount"); mount != "" {
		h, err := parseDigest(mount)
		if err != nil {
			return err
		}
		// All repositories share the content of the places, wherever it is mounted from.
		f, err := s.open(r.Context(), h)
		if err == nil {
			s.created(w, rt, h)
			return f.Close()
		}
		if !errors.Is(err, place.ErrNotFound) {
			return err
		}
	}
	var h v1.Hash
	if d := q.Get("digest"); d != "" {
		var err error
		if h, err = parseDigest(d); err != nil {
			return err
		}
	}
	u, err := s.uploads.begin(rt.repository)
	if err != nil {
		return err
	}
	rt.id = u.id
	if u, err = s.uploads.take(r.Context(), rt, w.cut); err != nil {
		return err
	}
	defer u.give()
	if h != (v1.Hash{}) {
		if err := receive(u, r); err != nil {
			return errors.Join(err, u.drop())
		}
		return s.finish(w, r, rt, u, h)
	}
	state(w, u)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// state says where the upload goes on, and how far it has come.
func state(w *recorder, u *upload) {
	w.Header().Set("Location", "/v2/"+u.repository+"/blobs/uploads/"+u.id)
	w.Header().Set("Docker-Upload-UUID", u.id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(u.size-1, 0))) // "0-0" for none, as everybody has it
}

// getUpload says how far an upload has come.
func (s *Server) getUpload(w *recorder, r *http.Request, rt route) error {
	u, err := s.uploads.take(r.Context(), rt, w.cut)
	if err != nil {
		return err
	}
	defer u.give()
	state(w, u)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// patchUpload appends to an upload.
func (s *Server) patchUpload(w *recorder, r *http.Request, rt route) error {
	u, err := s.uploads.take(r.Context(), rt, w.cut)
	if err != nil {
		return err
	}
	defer u.give()
	if err := receive(u, r); err != nil {
		state(w, u)
		return err
	}
	state(w, u)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// putUpload ends an upload, with the last of it or all of it.
func (s *Server) putUpload(w *recorder, r *http.Request, rt route) error {
	h, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	u, err := s.uploads.take(r.Context(), rt, w.cut)
	if err != nil {
		return err
	}
	defer u.give()
	if err := receive(u, r); err != nil {
		state(w, u)
		return err
	}
	return s.finish(w, r, rt, u, h)
}

// finish stores what was uploaded, if it is what it is said to be.
func (s *Server) finish(w *recorder, r *http.Request, rt route, u *upload, h v1.Hash) error {
	u.settle()
	err := s.sink.Put(r.Context(), v1.Descriptor{Digest: h, Size: u.size}, u.opener())
	if errors.Is(err, blob.ErrMismatch) {
		err = faultf(http.StatusBadRequest, digestInvalid, "the %d bytes that were uploaded are not %s", u.size, h)
		return errors.Join(err, u.drop())
	}
	if err != nil {
		return err // the upload stays, and can be ended again
	}
	if err := u.drop(); err != nil {
		return err
	}
	s.created(w, rt, h)
	return nil
}

func (s *Server) created(w *recorder, rt route, h v1.Hash) {
	w.Header().Set("Location", "/v2/"+rt.repository+"/blobs/"+h.String())
	w.Header().Set("Docker-Content-Digest", h.String())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

// deleteUpload drops an upload.
func (s *Server) deleteUpload(w *recorder, r *http.Request, rt route) error {
	u, err := s.uploads.take(r.Context(), rt, w.cut)
	if err != nil {
		return err
	}
	defer u.give()
	if err := u.drop(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// receive appends the body of r to u. What came before an error stays: the client
// asks how much that is, and goes on from there.
func receive(u *upload, r *http.Request) error {
	n, err := chunk(r, u.size)
	if err != nil {
		return err
	}
	body := io.Reader(r.Body)
	if n >= 0 {
		body = io.LimitReader(body, n)
	}
	before := u.size
	if _, err := blob.Copy(r.Context(), u, body); err != nil {
		var f *fault
		if errors.As(err, &f) {
			return err
		}
		return faultf(http.StatusBadRequest, blobUploadInvalid, "the body broke off after %d bytes", u.size-before)
	}
	if got := u.size - before; n >= 0 && got != n {
		return faultf(http.StatusBadRequest, sizeInvalid, "%d bytes came, not the %d of Content-Range", got, n)
	}
	return nil
}

// chunk returns how many bytes Content-Range says will come, or -1 if it says
// nothing. They have to follow what is there (distribution-spec: Pushing a blob in chunks).
func chunk(r *http.Request, size int64) (int64, error) {
	header := r.Header.Get("Content-Range")
	if header == "" {
		return -1, nil
	}
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "-")
	last, _, _ = strings.Cut(last, "/")
	start, serr := number(first)
	end, eerr := number(last)
	if !ok || serr != nil || eerr != nil || end < start {
		return 0, faultf(http.StatusBadRequest, blobUploadInvalid, "Content-Range %.100q is not START-END", header)
	}
	if start != size {
		return 0, faultf(http.StatusRequestedRangeNotSatisfiable, rangeInvalid, "%d bytes are there: the next chunk starts with byte %s", size, strconv.FormatInt(size, 10))
	}
	n := end - start + 1
	if r.ContentLength >= 0 && r.ContentLength != n {
		return 0, faultf(http.StatusBadRequest, sizeInvalid, "the body has %d bytes, not the %d of Content-Range", r.ContentLength, n)
	}
	return n, nil
}
