package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// breaking is a registry that breaks the first upload of a large blob at 80 %,
// and keeps what had come until then.
type breaking struct {
	http.Handler
	size  int64 // of that blob
	kept  []byte
	came  int64 // bytes of it, all requests together
	broke bool
}

// Only one blob comes in pieces, and these one after the other: nothing is locked.
func (b *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := r.URL.Path
	switch {
	case r.Method == http.MethodPost && r.ContentLength <= 0 && strings.HasSuffix(at, "/uploads/"):
		w.Header().Set("Location", at+"large")
		w.WriteHeader(http.StatusAccepted)
	case !strings.HasSuffix(at, "/uploads/large"):
		b.Handler.ServeHTTP(w, r)
	case r.Method == http.MethodPatch:
		b.patch(w, r)
	case r.Method == http.MethodGet:
		w.Header().Set("Location", at)
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, len(b.kept)-1)))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		all := httptest.NewRequest(http.MethodPost, strings.TrimSuffix(at, "large")+"?"+r.URL.RawQuery, bytes.NewReader(b.kept))
		b.Handler.ServeHTTP(w, all)
	}
}

func (b *breaking) patch(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	breaks := !b.broke
	if breaks {
		b.broke = true
		body = io.LimitReader(body, b.size/5*4)
	}
	part, _ := io.ReadAll(body) // what came is what counts
	b.kept = append(b.kept, part...)
	b.came += int64(len(part))
	if breaks {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Location", r.URL.Path)
	w.WriteHeader(http.StatusAccepted)
}

// TestBrokenPush breaks the connection in the middle of an upload. It goes on from
// there, and no byte that the registry has is sent again.
func TestBrokenPush(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{20 << 20}})
	dir := t.TempDir()
	src := ocidir.New(filepath.Join(dir, "l"), nil)
	for _, d := range c.Order {
		if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := src.Commit(t.Context(), c.Root, "1"); err != nil {
		t.Fatal(err)
	}
	b := &breaking{Handler: newRegistry(), size: c.Order[0].Size}
	s := httptest.NewServer(b)
	defer s.Close()
	image := strings.TrimPrefix(s.URL, "http://") + "/a/b:1"
	out, err := command(dir, "copy", "oci:l:1", image).CombinedOutput()
	if err != nil || !strings.Contains(string(out), c.Root.Digest.String()) {
		t.Fatalf("%v: %s", err, out)
	}
	if !b.broke || b.came != b.size {
		t.Errorf("%d bytes came for a blob of %d", b.came, b.size)
	}
}
