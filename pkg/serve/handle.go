package serve

import (
	"io"
	"net/http"
)

// healthPath is where the health of the server is asked for; it wants no password.
const healthPath = "/healthz"

// answer returns who asked, and either has answered or returns an error.
func (s *Server) answer(w *recorder, r *http.Request) (user string, err error) {
	defer s.lease.take()()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path == healthPath {
		return "", s.health(w, r)
	}
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if s.o.Users != nil {
		if user, err = s.o.Users.authenticate(w, r); err != nil {
			return user, err
		}
	}
	rt, err := parsePath(r.URL.Path)
	if err != nil {
		return user, err
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if read := s.reader(rt.kind); read != nil {
			return user, read(w, r, rt)
		}
	}
	return user, s.write(w, r, rt)
}

type handler func(*recorder, *http.Request, route) error

func (s *Server) reader(k kind) handler {
	switch k {
	case base:
		return s.getBase
	case catalog:
		return s.getCatalog
	case tags:
		return s.getTags
	case manifests:
		return s.getManifest
	case blobs:
		return s.getBlob
	case referrers:
		return s.getReferrers
	}
	return nil
}

func (s *Server) write(w *recorder, r *http.Request, rt route) error {
	switch {
	case s.sink == nil:
		return notAllowed(w, "this registry is read-only")
	case r.Header.Get("Origin") != "":
		// No client of registries says where it was sent from. Browsers do, and a page
		// that somebody looks at must not write to a registry on his loopback.
		return faultf(http.StatusForbidden, denied, "writing from a web page is not allowed")
	}
	if rt.kind == uploads || rt.kind == session {
		defer s.lease.extend(namelessFor)
	}
	switch r.Method + " " + string(rt.kind) {
	case "POST uploads":
		return s.postUpload(w, r, rt)
	case "GET session", "HEAD session":
		return s.getUpload(w, r, rt)
	case "PATCH session":
		return s.patchUpload(w, r, rt)
	case "PUT session":
		return s.putUpload(w, r, rt)
	case "DELETE session":
		return s.deleteUpload(w, r, rt)
	case "PUT manifests":
		return s.putManifest(w, r, rt)
	case "DELETE manifests":
		return s.deleteManifest(w, r, rt)
	case "DELETE blobs":
		return notAllowed(w, "blobs are not deleted: they go when no manifest names them any more")
	}
	return notAllowed(w, "this is not done here")
}

func notAllowed(w *recorder, why string) error {
	w.Header().Set("Allow", "GET, HEAD")
	return faultf(http.StatusMethodNotAllowed, unsupported, "%s", why)
}

// health is good if all places can be listed.
func (s *Server) health(w *recorder, r *http.Request) error {
	status, text := http.StatusOK, "ok\n"
	if _, err := s.directory(r.Context()); err != nil {
		status, text = http.StatusServiceUnavailable, "unavailable\n"
	}
	writeBody(w, r, status, "text/plain; charset=utf-8", []byte(text))
	return nil
}

// getBase says that this is a registry (distribution-spec: Determining Support).
func (s *Server) getBase(w *recorder, r *http.Request, _ route) error {
	writeBody(w, r, http.StatusOK, "application/json", []byte("{}"))
	return nil
}

// view returns what the path of rt means, if there is anything there.
func (s *Server) view(r *http.Request, rt route) (view, error) {
	d, err := s.directory(r.Context())
	if err != nil {
		return view{}, err
	}
	v := d.view(rt.repository, namespace(r))
	if !v.exists() {
		return view{}, faultf(http.StatusNotFound, nameUnknown, "there is no repository %s", rt.repository)
	}
	return v, nil
}

// namespace is the registry that a mirror is asked for. Containerd says it.
func namespace(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("ns")
}

// closing closes what was only read, where an error changes nothing.
func closing(c io.Closer) { _ = c.Close() }
