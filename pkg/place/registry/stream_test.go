package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry"
)

// store serves one blob, and the connection breaks where cuts say: the n-th
// answer ends after cuts[n] bytes.
type store struct {
	t      *testing.T
	b      []byte
	cuts   []int
	serve  func(w http.ResponseWriter, r *http.Request) // nil: with http.ServeContent
	ranges []string                                     // as asked for
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "/blobs/") {
		return
	}
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	if n := len(s.ranges); n <= len(s.cuts) {
		w = &cutting{w, s.cuts[n-1]}
	}
	if s.serve != nil {
		s.serve(w, r)
		return
	}
	w.Header().Set("ETag", `"v1"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.b))
}

// cutting hangs up after so many bytes.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (c *cutting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func TestReadGoesOnAfterACut(t *testing.T) {
	d, b := random(1_000_000)
	s := &store{t: t, b: b, cuts: []int{300_000, 1, 200_000, 0, 0, 100_000}}
	got, err := read(t, repo(t, s), d)
	if err != nil || !bytes.Equal(got, b) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	want := []string{
		"", "bytes=300000-999999", "bytes=300001-999999", "bytes=500001-999999",
		"bytes=500001-999999", "bytes=500001-999999", "bytes=600001-999999",
	}
	if diff := cmp.Diff(want, s.ranges); diff != "" {
		t.Error(diff)
	}
}

// TestReadGivesUp: five tries without progress, however much there was before.
func TestReadGivesUp(t *testing.T) {
	d, b := random(1000)
	s := &store{t: t, b: b, cuts: append([]int{10, 0, 0, 0, 0, 10}, make([]int, 100)...)}
	got, err := read(t, repo(t, s), d)
	if !errors.Is(err, place.ErrUnavailable) || got != nil || len(s.ranges) != 6+5 {
		t.Errorf("%d bytes, %v after %d requests", len(got), err, len(s.ranges))
	}
	if !strings.Contains(err.Error(), "at byte 20 of 1000") || errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// plain serves the blob from the start, whatever is asked.
func plain(b []byte) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b)
	}
}

// part answers every request for a range with this Content-Range, and the blob otherwise.
func part(b []byte, contentRange string, body []byte) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			plain(b)(w, r)
			return
		}
		w.Header().Set("Content-Range", contentRange)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(body)
	}
}

// TestReadSplicesRightOnly: whatever else a server answers to a request for the
// rest, the blob is read from the start, and what was returned is dropped.
func TestReadSplicesRightOnly(t *testing.T) {
	d, b := random(100_000)
	for name, serve := range map[string]func(http.ResponseWriter, *http.Request){
		"no ranges":        plain(b),
		"another start":    part(b, "bytes 39999-99998/100000", b[39_999:99_999]),
		"the start":        part(b, "bytes 0-99999/100000", b),
		"beyond the end":   part(b, "bytes 40000-100000/100001", b[40_000:]),
		"nothing":          part(b, "", b[40_000:]),
		"another unit":     part(b, "pages 40000-99999/100000", b[40_000:]),
		"a sign":           part(b, "bytes +40000-99999/100000", b[40_000:]),
		"more than it has": part(b, "bytes 40000-99999/100000", b[39_000:]),
		"not satisfiable": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			plain(b)(w, r)
		},
	} {
		s := &store{t: t, b: b, cuts: []int{40_000}, serve: serve}
		got, err := read(t, repo(t, s), d)
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// TestReadTakesShorterParts: a server may give less than was asked for.
func TestReadTakesShorterParts(t *testing.T) {
	d, b := random(100_000)
	s := &store{t: t, b: b, cuts: []int{40_000}}
	s.serve = func(w http.ResponseWriter, r *http.Request) {
		var from, to int
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 0 {
			plain(b)(w, r)
			return
		}
		to = min(to, from+9_999)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", from, to))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(b[from : to+1])
	}
	got, err := read(t, repo(t, s), d)
	if err != nil || !bytes.Equal(got, b) || len(s.ranges) != 7 {
		t.Errorf("%d bytes, %v in %d requests", len(got), err, len(s.ranges))
	}
}

func TestReadWrongSize(t *testing.T) {
	d, b := random(1000)
	for name, c := range map[string]struct {
		cuts  []int
		serve func(http.ResponseWriter, *http.Request)
	}{
		"shorter":             {nil, plain(b[:999])},
		"longer":              {nil, plain(append(bytes.Clone(b), 0))},
		"longer, not said":    {nil, func(w http.ResponseWriter, _ *http.Request) { flushed(w, append(bytes.Clone(b), 0)) }},
		"of another total":    {[]int{10}, part(b, "bytes 10-999/2000", b[10:])},
		"not satisfiable":     {[]int{10}, unsatisfied(b, 10)},
		"endless":             {nil, endless},
		"a part for a whole":  {nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(206); _, _ = w.Write(b) }},
		"shorter at each try": {nil, func(w http.ResponseWriter, r *http.Request) { flushed(w, b[:999]) }},
	} {
		fresh := func() *registry.Repo { return repo(t, &store{t: t, b: b, cuts: c.cuts, serve: c.serve}) }
		rc, err := fresh().Open(t.Context(), d)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(rc)
			if cerr := rc.Close(); cerr != nil {
				t.Error(cerr)
			}
		}
		if len(got) > 1001 || err == nil && len(got) != 1001 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if _, err := read(t, fresh(), d); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// flushed sends b with no length said.
func flushed(w http.ResponseWriter, b []byte) {
	_ = http.NewResponseController(w).Flush()
	_, _ = w.Write(b)
}

func endless(w http.ResponseWriter, _ *http.Request) {
	for err := error(nil); err == nil; {
		_, err = w.Write(make([]byte, 64<<10))
	}
}

func unsatisfied(b []byte, size int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			plain(b)(w, r)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
	}
}

// TestContentChanges: with If-Range a changed content comes whole, from the start.
func TestContentChanges(t *testing.T) {
	d, b := random(1000)
	var ifRange string
	s := &store{t: t, b: b, cuts: []int{400}}
	s.serve = func(w http.ResponseWriter, r *http.Request) {
		ifRange = r.Header.Get("If-Range")
		w.Header().Set("ETag", fmt.Sprintf(`"v%d"`, len(s.ranges)))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
	got, err := read(t, repo(t, s), d)
	if err != nil || !bytes.Equal(got, b) || ifRange != `"v1"` {
		t.Errorf("%d bytes, %v, If-Range %s", len(got), err, ifRange)
	}
}

func TestOpenRange(t *testing.T) {
	d, b := random(1000)
	noRanges := repo(t, &store{t: t, serve: plain(b)})
	if _, err := noRanges.OpenRange(t.Context(), d, 500, 10); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("a piece from a server without ranges: %v", err)
	}
	for _, r := range []*registry.Repo{noRanges, repo(t, &store{t: t, b: b})} {
		for _, c := range [][2]int64{{0, 10}, {0, 0}, {500, -1}, {1000, -1}, {1000, 5}, {0, 5000}, {0, 1000}} {
			rc, err := r.OpenRange(t.Context(), d, c[0], c[1])
			if err != nil {
				t.Errorf("%v: %v", c, err)
				continue
			}
			got, err := io.ReadAll(rc)
			want := b[c[0]:]
			if c[1] >= 0 {
				want = want[:min(c[1], int64(len(want)))]
			}
			if err = errors.Join(err, rc.Close()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: %d bytes, %v", c, len(got), err)
			}
		}
		if _, err := r.OpenRange(t.Context(), d, 1001, -1); !errors.Is(err, blob.ErrOffset) {
			t.Errorf("beyond the end: %v", err)
		}
	}
}

func TestBadDescriptors(t *testing.T) {
	r := repo(t, http.NotFoundHandler())
	d, _ := random(10)
	negative, broken := d, d
	negative.Size, broken.Digest.Hex = -1, "../../x"
	if _, err := r.Open(t.Context(), negative); err == nil {
		t.Error("a negative size is opened")
	}
	if _, err := r.Open(t.Context(), broken); err == nil || strings.Contains(err.Error(), "404") {
		t.Errorf("a digest that is none is asked for: %v", err)
	}
	if err := r.Put(t.Context(), broken, blob.Bytes(nil)); err == nil || strings.Contains(err.Error(), "404") {
		t.Errorf("a digest that is none is written: %v", err)
	}
}
