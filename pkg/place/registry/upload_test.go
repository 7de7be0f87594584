package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry"
)

const big = 3 << 20 // more than goes up in one request

// uploads is a registry that takes uploads and has all the faults a test wants.
type uploads struct {
	cuts      []int  // the n-th PATCH hangs up after so many bytes
	maxBody   int64  // 413 for more
	minChunk  int    // said, not checked
	noStatus  bool   // does not say how far an upload came
	loseEnd   bool   // the first end of an upload is done, but not answered
	lies      int64  // says that it has so many bytes more than it has
	single    string // how a body in the request that begins is met: "", "taken" or "refused"
	appends   bool   // takes a chunk whatever its range
	lateToken bool   // wants a new token from the second PATCH on

	mu      sync.Mutex
	n       int               // uploads begun
	data    map[string][]byte // by path
	blobs   map[string][]byte // by digest
	patches int
	seen    []string
	tokens  int
	gone    []string // abandoned
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return
	}
	if r.URL.Path == "/token" {
		u.tokens++
		_, _ = fmt.Fprintf(w, `{"token":"t%d"}`, u.tokens)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.data == nil {
		u.data, u.blobs = map[string][]byte{}, map[string][]byte{}
	}
	if u.lateToken && r.Header.Get("Authorization") != u.wantToken() {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	u.seen = append(u.seen, strings.TrimSpace(r.Method+" "+r.Header.Get("Content-Range")))
	switch r.Method {
	case http.MethodHead:
		if _, ok := u.blobs[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]; !ok {
			w.WriteHeader(http.StatusNotFound)
		}
	case http.MethodPost:
		if digest := r.URL.Query().Get("digest"); digest != "" && u.single != "" {
			if u.single == "refused" {
				problem(w, http.StatusBadRequest, "UNSUPPORTED")
				return
			}
			u.blobs[digest], _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusCreated)
			return
		}
		u.n++
		path := fmt.Sprintf("/upload/%d", u.n)
		u.data[path] = []byte{}
		if u.minChunk > 0 {
			w.Header().Set("OCI-Chunk-Min-Length", fmt.Sprint(u.minChunk))
		}
		u.answer(w, path, http.StatusAccepted)
	default:
		if _, ok := u.data[r.URL.Path]; !ok {
			problem(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
			return
		}
		u.upload(w, r)
	}
}

func (u *uploads) wantToken() string {
	if u.patches == 0 {
		return "Bearer t1"
	}
	return "Bearer t2"
}

func problem(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q}]}`, code)
}

func (u *uploads) answer(w http.ResponseWriter, path string, status int) {
	w.Header().Set("Location", path+"?_state=a%2Fb")
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, int64(len(u.data[path]))+u.lies-1)))
	w.WriteHeader(status)
}

func (u *uploads) upload(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if r.URL.Query().Get("_state") != "a/b" {
		problem(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID")
		return
	}
	switch r.Method {
	case http.MethodGet:
		if u.noStatus {
			problem(w, http.StatusMethodNotAllowed, "UNSUPPORTED")
			return
		}
		u.answer(w, path, http.StatusNoContent)
	case http.MethodDelete:
		u.gone = append(u.gone, path)
		delete(u.data, path)
	case http.MethodPatch:
		u.patch(w, r)
	case http.MethodPut:
		rest, _ := io.ReadAll(r.Body)
		b := append(u.data[path], rest...)
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(b))
		if digest != r.URL.Query().Get("digest") {
			problem(w, http.StatusBadRequest, "DIGEST_INVALID")
			return
		}
		delete(u.data, path)
		u.blobs[digest] = b
		if u.loseEnd {
			u.loseEnd = false
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
	}
}

func (u *uploads) patch(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if u.maxBody > 0 && r.ContentLength > u.maxBody {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Content-Range"), "%d-%d", &from, &to); n == 2 && from != len(u.data[path]) && !u.appends {
		problem(w, http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID")
		return
	}
	u.patches++
	cut := -1
	if u.patches <= len(u.cuts) {
		cut = u.cuts[u.patches-1]
	}
	if cut < 0 {
		b, _ := io.ReadAll(r.Body)
		u.data[path] = append(u.data[path], b...)
		u.answer(w, path, http.StatusAccepted)
		return
	}
	b := make([]byte, cut)
	_, _ = io.ReadFull(r.Body, b)
	u.data[path] = append(u.data[path], b...)
	panic(http.ErrAbortHandler)
}

// opened counts how a source is opened.
func opened(b []byte, offsets *[]int64) blob.Opener {
	var mu sync.Mutex
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		mu.Lock()
		*offsets = append(*offsets, offset)
		mu.Unlock()
		return blob.Bytes(b)(ctx, offset, length)
	}
}

func TestUpload(t *testing.T) {
	d, b := random(big)
	whole := []string{"POST", "PATCH", "PUT"}
	for name, c := range map[string]struct {
		u       *uploads
		seen    []string
		offsets []int64 // at which the source was opened
	}{
		"plain": {&uploads{}, whole, []int64{0}},
		"cut": {
			&uploads{cuts: []int{2 << 20, 512 << 10}},
			[]string{"POST", "PATCH", "GET", "PATCH 2097152-3145727", "GET", "PATCH 2621440-3145727", "PUT"},
			[]int64{0, 2 << 20, 2<<20 + 512<<10},
		},
		"cut at the very start": {
			&uploads{cuts: []int{0}},
			[]string{"POST", "PATCH", "GET", "PATCH", "PUT"},
			[]int64{0},
		},
		"cut, and nobody knows how far it came": {
			&uploads{cuts: []int{2 << 20}, noStatus: true},
			[]string{"POST", "PATCH", "GET", "DELETE", "POST", "PATCH", "PUT"},
			[]int64{0, 0},
		},
		"cut more often than there are tries, with progress": {
			&uploads{cuts: []int{1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18}}, nil, nil,
		},
		"a token that expires": {
			&uploads{lateToken: true, cuts: []int{2 << 20}},
			[]string{"POST", "PATCH", "GET", "PATCH 2097152-3145727", "PUT"},
			[]int64{0, 2 << 20},
		},
		"too large at once": {
			&uploads{maxBody: 1 << 20},
			[]string{"POST", "PATCH", "GET", "PATCH 0-1048575", "PATCH 1048576-2097151", "PATCH 2097152-3145727", "PUT"},
			[]int64{0, 1 << 20, 2 << 20},
		},
		"too large at once, with a least size": {
			&uploads{maxBody: 1<<20 + 10, minChunk: 1<<20 - 1},
			[]string{"POST", "PATCH", "GET", "PATCH 0-1048575", "PATCH 1048576-2097151", "PATCH 2097152-3145727", "PUT"},
			[]int64{0, 1 << 20, 2 << 20},
		},
		"the answer to the end is lost": {
			&uploads{loseEnd: true},
			[]string{"POST", "PATCH", "PUT", "GET", "HEAD"},
			[]int64{0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var offsets []int64
			if err := repo(t, c.u).Put(t.Context(), d, opened(b, &offsets)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(c.u.blobs[d.Digest.String()], b) {
				t.Error("other bytes stand there")
			}
			if c.seen != nil {
				if diff := cmp.Diff(c.seen, c.u.seen); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(c.offsets, offsets); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestUploadSplicedWrong: a registry that is wrong about how much it has gets all of it again.
func TestUploadSplicedWrong(t *testing.T) {
	d, b := random(big)
	for _, appends := range []bool{false, true} {
		u := &uploads{cuts: []int{1 << 20}, lies: 7, appends: appends}
		if err := repo(t, u).Put(t.Context(), d, blob.Bytes(b)); err != nil || u.n != 2 {
			t.Errorf("%v after %d uploads", err, u.n)
		}
		if diff := cmp.Diff([]string{"/upload/1"}, u.gone); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUploadFails(t *testing.T) {
	d, b := random(big)
	small, s := random(1000)
	broken := errors.New("disk on fire")
	failing := func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:1<<20]), errorReader{broken})), nil
	}
	flipped := bytes.Clone(b)
	flipped[100] ^= 1
	for name, c := range map[string]struct {
		u    *uploads
		open blob.Opener
		is   error
	}{
		"too large, however small":    {&uploads{maxBody: 1000}, blob.Bytes(b), nil},
		"too large for the least":     {&uploads{maxBody: 1 << 20, minChunk: 2 << 20}, blob.Bytes(b), nil},
		"no progress":                 {&uploads{cuts: make([]int, 100)}, blob.Bytes(b), place.ErrUnavailable},
		"no progress past the middle": {&uploads{cuts: append([]int{1 << 20}, make([]int, 100)...)}, blob.Bytes(b), place.ErrUnavailable},
		"the source fails":            {&uploads{}, failing, broken},
		"the source is longer":        {&uploads{}, blob.Bytes(append(bytes.Clone(b), 0)), blob.ErrMismatch},
		"the source is shorter":       {&uploads{}, blob.Bytes(b[:big-1]), blob.ErrMismatch},
		"other bytes":                 {&uploads{}, blob.Bytes(flipped), blob.ErrMismatch},
	} {
		err := repo(t, c.u).Put(t.Context(), d, c.open)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		c.u.mu.Lock() // it may not have noticed yet that nobody is there any more
		// Whoever does not answer is not told goodbye.
		left := len(c.u.data) > 0 && !errors.Is(err, place.ErrUnavailable)
		if len(c.u.blobs) > 0 || left || len(c.u.seen) > 30 {
			t.Errorf("%s: %d blobs and %d uploads are left, after %q", name, len(c.u.blobs), len(c.u.data), c.u.seen)
		}
		c.u.mu.Unlock()
	}
	u := &uploads{}
	if err := repo(t, u).Put(t.Context(), small, blob.Bytes(s[1:])); !errors.Is(err, blob.ErrMismatch) || len(u.seen) > 0 {
		t.Errorf("small and wrong: %v after %q", err, u.seen)
	}
}

func TestUploadRefusedAtOnce(t *testing.T) {
	large, l := random(big)
	small, s := random(1000)
	for _, status := range []int{400, 404, 405, 413, 416} {
		r := repo(t, code(status))
		if err := errors.Join(r.Put(t.Context(), large, blob.Bytes(l)), r.Put(t.Context(), small, blob.Bytes(s))); err == nil {
			t.Errorf("%d: no error", status)
		}
	}
	// A location that must not be gone to is an error, not passed over.
	away := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://169.254.169.254/upload")
		w.WriteHeader(http.StatusAccepted)
	})
	if err := repo(t, away).Put(t.Context(), large, blob.Bytes(l)); !errors.Is(err, place.ErrDenied) {
		t.Errorf("got %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestSmallUpload(t *testing.T) {
	d, b := random(1000)
	for name, c := range map[string]struct {
		u           *uploads
		first, next []string // requests of two Puts of the same client
	}{
		"in one request": {&uploads{single: "taken"}, []string{"POST"}, []string{"POST"}},
		"in two":         {&uploads{}, []string{"POST", "PUT"}, []string{"POST", "PUT"}},
		"refused in one": {&uploads{single: "refused"}, []string{"POST", "POST", "PUT"}, []string{"POST", "PUT"}},
		"the answer to the end is lost": {
			&uploads{loseEnd: true},
			[]string{"POST", "PUT", "HEAD"},
			[]string{"POST", "PUT"},
		},
	} {
		r := repo(t, c.u)
		for _, want := range [][]string{c.first, c.next} {
			c.u.seen = nil
			if err := r.Put(t.Context(), d, blob.Bytes(b)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, c.u.seen); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if !bytes.Equal(c.u.blobs[d.Digest.String()], b) {
				t.Errorf("%s: other bytes stand there", name)
			}
		}
	}
}

// TestChunksAreRemembered: what one blob found out about its host, the next ones know.
func TestChunksAreRemembered(t *testing.T) {
	d, b := random(big)
	u := &uploads{maxBody: 1 << 20}
	c := client(t, registry.Options{})
	host := serve(t, u)
	for range 2 {
		u.seen = nil
		if err := c.Repo(name(t, host, "a/b:1")).Put(t.Context(), d, blob.Bytes(b)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"POST", "PATCH 0-1048575", "PATCH 1048576-2097151", "PATCH 2097152-3145727", "PUT"}
	if diff := cmp.Diff(want, u.seen); diff != "" {
		t.Error(diff)
	}
}
