package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/serve"
)

// TestKilledPush kills dray with the signal that cannot be caught while it pushes
// a layer to what "dray serve --writable" is. The same command goes on where that
// one was.
func TestKilledPush(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 60 MB")
	}
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{layerBytes}})
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
	s := newStuck(t, filepath.Join(dir, "there"))
	first := command(dir, "copy", "oci:l:1", s.host+"/a/b:1")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-s.stuck
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil {
		t.Fatal("it ended by itself")
	}
	close(s.killed)
	out, err := command(dir, "copy", "oci:l:1", s.host+"/a/b:1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), c.Root.Digest.String()) {
		t.Fatalf("again: %v\n%s", err, out)
	}
	if again, most := s.came.Load(), c.Order[0].Size-sentBytes; again == 0 || again > most {
		t.Errorf("the second run sends %d bytes, and %d were missing", again, most)
	}
	if out, err := command(dir, "copy", s.host+"/a/b:1", "oci:back:1").CombinedOutput(); err != nil {
		t.Errorf("and back: %v\n%s", err, out)
	}
}

// stuck is a registry that reads no more of the first upload after sentBytes.
type stuck struct {
	host   string
	stuck  chan struct{}
	killed chan struct{}
	begun  atomic.Bool
	came   atomic.Int64 // bytes of later uploads
}

func newStuck(t *testing.T, folder string) *stuck {
	t.Helper()
	s, held := &stuck{stuck: make(chan struct{}), killed: make(chan struct{})}, store.New(folder, nil)
	server, err := serve.New(serve.Options{Places: []serve.Place{{Source: held}}, Writable: true, Uploads: serve.UploadLimits{TempDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			again := s.begun.Swap(true)
			r.Body = &stuckBody{ReadCloser: r.Body, s: s, first: !again, again: again}
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		srv.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	})
	s.host = strings.TrimPrefix(srv.URL, "http://")
	return s
}

type stuckBody struct {
	io.ReadCloser
	s     *stuck
	first bool // and not stuck yet
	again bool
	n     int64
}

func (b *stuckBody) Read(p []byte) (int, error) {
	if b.first && b.n >= sentBytes {
		b.first = false
		close(b.s.stuck)
		<-b.s.killed
	}
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if b.again {
		b.s.came.Add(int64(n))
	}
	return n, err
}
