package serve

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// getTags lists tags (distribution-spec: Listing Tags).
func (s *Server) getTags(w *recorder, r *http.Request, rt route) error {
	v, err := s.view(r, rt)
	if err != nil {
		return err
	}
	names, err := page(w, r, v.tags())
	if err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{rt.repository, names})
	return nil
}

// getCatalog lists repositories, as the registry of Docker does.
func (s *Server) getCatalog(w *recorder, r *http.Request, _ route) error {
	d, err := s.directory(r.Context())
	if err != nil {
		return err
	}
	names, err := page(w, r, d.paths)
	if err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, "application/json", struct {
		Repositories []string `json:"repositories"`
	}{names})
	return nil
}

// page returns those of the sorted names that are asked for: at most n of them,
// after the last of the page before. A Link says where the next page is.
func page(w *recorder, r *http.Request, names []string) ([]string, error) {
	q := r.URL.Query()
	i, found := slices.BinarySearch(names, q.Get("last"))
	if found {
		i++
	}
	names = append([]string{}, names[i:]...) // never null in JSON
	if !q.Has("n") {
		return names, nil
	}
	n, err := strconv.Atoi(q.Get("n"))
	if err != nil || n < 0 {
		return nil, faultf(http.StatusBadRequest, numberInvalid, "n is a number from 0 on")
	}
	if n < len(names) {
		names = names[:n]
		if n > 0 {
			link(w, r, url.Values{"n": {strconv.Itoa(n)}, "last": {names[n-1]}})
		}
	}
	return names, nil
}

// link says where the next page is (RFC 5988): here, with other parameters.
func link(w *recorder, r *http.Request, q url.Values) {
	if ns := namespace(r); ns != "" {
		q.Set("ns", ns)
	}
	next := url.URL{Path: r.URL.Path, RawQuery: q.Encode()}
	w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, next.String()))
}
