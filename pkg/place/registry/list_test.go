package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry"
)

// listed returns n tags in order.
func listed(n int) []string {
	var tags []string
	for i := range n {
		tags = append(tags, fmt.Sprintf("v%05d", i))
	}
	return tags
}

// paging serves tags in pages of size, with the Link header that link makes of
// the last one of a page; nil for the usual.
func paging(tags []string, size int, link func(last string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return
		}
		from := 0
		for from < len(tags) && tags[from] <= r.URL.Query().Get("last") {
			from++
		}
		to := min(len(tags), from+size)
		if to < len(tags) {
			l := fmt.Sprintf(`</v2/a/b/tags/list?n=%d&last=%s>; rel="next"`, size, tags[to-1])
			if link != nil {
				l = link(tags[to-1])
			}
			w.Header().Set("Link", l)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "a/b", "tags": tags[from:to]})
	}
}

func list(t *testing.T, r *registry.Repo) ([]string, error) {
	t.Helper()
	var names []string
	err := r.List(t.Context(), func(e place.Entry) error {
		names = append(names, e.Name)
		return nil
	})
	return names, err
}

func TestList(t *testing.T) {
	// Two registries that cut the list and say nothing of the rest: one that
	// knows "last", and one that does not.
	silent := func(ignoresLast bool, tags []string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("n"))
			q := r.URL.Query()
			if ignoresLast {
				q.Del("last")
			}
			r.URL.RawQuery = q.Encode()
			w.Header().Set("Link", "")
			paging(tags, n, func(string) string { return "" })(w, r)
		}
	}
	for title, c := range map[string]struct {
		h    http.Handler
		want []string
	}{
		"one page":                {paging(listed(3), 100, nil), listed(3)},
		"thousands":               {paging(listed(5432), 100, nil), listed(5432)},
		"no tags":                 {paging(nil, 100, nil), nil},
		"no tags, said as null":   {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"tags":null}`)) }), nil},
		"cut without a word":      {silent(false, listed(2500)), listed(2500)},
		"as many as are asked":    {silent(true, listed(1000)), listed(1000)},
		"an absolute link":        {nil, listed(250)},
		"what is no tag":          {paging([]string{"a", "b c", "..", "d", strings.Repeat("x", 129), "\x1b[31m"}, 100, nil), []string{"a", "d"}},
		"links that are in a row": {paging(listed(20), 5, func(l string) string { return `</x>; rel=prev, <?last=` + l + `>; title=a; REL=Next` }), listed(20)},
	} {
		if c.h == nil {
			var host string
			host = serve(t, paging(listed(250), 100, func(last string) string {
				return fmt.Sprintf(`<http://%s/v2/a/b/tags/list?last=%s>; rel="next"`, host, last)
			}))
			got, err := list(t, client(t, registry.Options{}).Repo(name(t, host, "a/b:1")))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v %s", title, err, diff)
			}
			continue
		}
		got, err := list(t, repo(t, c.h))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", title, err, diff)
		}
	}
}

func TestListWarnsOfWhatItLeavesOut(t *testing.T) {
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("b %d", i)
	}
	for _, tt := range []struct {
		tags []string
		want int
	}{{[]string{"a", "b c"}, 1}, {many[:5], 5}, {many, 6}} {
		handle, warned := events(event.Warn)
		host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"tags": tt.tags})
		}))
		c := client(t, registry.Options{Events: handle})
		if _, err := list(t, c.Repo(name(t, host, "a/b:1"))); err != nil || len(warned()) != tt.want {
			t.Errorf("%d tags: %v, warned %d times", len(tt.tags), err, len(warned()))
		}
		if err := c.Catalog(t.Context(), host, func(string) error { return nil }); err != nil || len(warned()) != 2*tt.want {
			t.Errorf("%d repositories: %v, warned %d times", len(tt.tags), err, len(warned()))
		}
	}
}

// TestListIsBounded: in all, whatever the size of its pages.
func TestListIsBounded(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/tags/list"):
		case r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `<?last=a>; rel=next`)
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		default:
			_, _ = io.WriteString(w, `{"tags":["b"`+strings.Repeat(`,""`, 999_999)+`]}`)
		}
	})
	if got, err := list(t, repo(t, h)); !errors.Is(err, place.ErrInvalid) || len(got) != 1 {
		t.Errorf("%d tags, %v", len(got), err)
	}
}

func TestListFails(t *testing.T) {
	for name, c := range map[string]struct {
		h  http.Handler
		is error
	}{
		"no such repository": {embedded(), place.ErrNotFound},
		"the same page":      {paging(listed(20), 5, func(string) string { return `<?n=1000>; rel=next` }), place.ErrInvalid},
		"a page elsewhere":   {paging(listed(20), 5, func(string) string { return `<http://127.0.0.2:1/>; rel=next` }), place.ErrInvalid},
		"no JSON":            {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }), place.ErrInvalid},
		"endless": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				endless(w, r)
			}
		}), place.ErrInvalid},
	} {
		if got, err := list(t, repo(t, c.h)); !errors.Is(err, c.is) {
			t.Errorf("%s: %d tags, %v", name, len(got), err)
		}
	}
}

func TestCatalog(t *testing.T) {
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/v2/_catalog":
		case r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `</v2/_catalog?n=2&last=b>; rel="next"`)
			_, _ = w.Write([]byte(`{"repositories":["a/x","b"]}`))
		default:
			_, _ = w.Write([]byte(`{"repositories":["c","../d"]}`))
		}
	}))
	var got []string
	err := client(t, registry.Options{}).Catalog(t.Context(), host, func(r string) error {
		got = append(got, r)
		return nil
	})
	if diff := cmp.Diff([]string{"a/x", "b", "c"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	stop := errors.New("stop")
	err = client(t, registry.Options{}).Catalog(t.Context(), host, func(string) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	err = client(t, registry.Options{}).Catalog(t.Context(), serve(t, code(401)), func(string) error { return nil })
	if !errors.Is(err, place.ErrDenied) {
		t.Errorf("got %v", err)
	}
}

// TestListWhilePushed: pages by number overlap when a tag is added between them. That
// is not the end of the list, and no tag comes twice.
func TestListWhilePushed(t *testing.T) {
	tags := listed(30)
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := max(1, len(r.URL.Query().Get("page")))
		from := 10*(page-1) - (page - 1) // one more each time
		if page < 3 {
			w.Header().Set("Link", fmt.Sprintf(`</v2/a/b/tags/list?page=%s>; rel="next"`, strings.Repeat("x", page+1)))
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"tags": tags[from : from+10]}); err != nil {
			t.Error(err)
		}
	}))
	var got []string
	repo := client(t, registry.Options{}).Repo(name(t, host, "a/b:1"))
	if err := repo.List(t.Context(), func(e place.Entry) error { got = append(got, e.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tags[:28], got); diff != "" {
		t.Error(diff)
	}
}
