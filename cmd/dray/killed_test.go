package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	dray "github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// Of a layer of layerBytes the first answer delivers sentBytes and then nothing:
// more than the system buffers on the way, so that some of it was written down.
const (
	layerBytes = 32 << 20
	sentBytes  = 24 << 20
)

// TestKilled kills dray with the signal that cannot be caught while it downloads
// a layer. Nothing stands under a final name then, and the same command goes on
// where that one was.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 100 MB")
	}
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{layerBytes}})
	for name, args := range map[string][]string{
		"pull":   {"pull", "NAME"},
		"save":   {"save", "NAME", "-o", "out.tar"},
		"parts":  {"save", "NAME", "-o", "out.tar", "--part-size", "7MiB", "--parity", "1"},
		"layout": {"copy", "NAME", "oci:out:1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStalling(t, c)
			dir := t.TempDir()
			args := append([]string(nil), args...)
			for i, a := range args {
				args[i] = strings.Replace(a, "NAME", s.host+"/a/b:1", 1)
			}
			first := command(dir, args...)
			if err := first.Start(); err != nil {
				t.Fatal(err)
			}
			<-s.stalled
			if err := first.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := first.Wait(); err == nil {
				t.Fatal("it ended by itself")
			}
			for _, final := range []string{"out.tar", "out.tar.001", "out.parts.json", "out/index.json", "home/store/index.json"} {
				if _, err := os.Stat(filepath.Join(dir, final)); err == nil {
					t.Errorf("%s is there after the kill", final)
				}
			}
			out, err := command(dir, args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.Root.Digest.String()) {
				t.Fatalf("again: %v\n%s", err, out)
			}
			if from := s.from(t); from < 1<<20 {
				t.Errorf("the second run reads from byte %d", from)
			}
			if name == "parts" {
				if out, err := command(dir, "parts", "check", "out.tar").CombinedOutput(); err != nil {
					t.Errorf("parts check: %v\n%s", err, out)
				}
			}
			if name == "pull" {
				if out, err := command(dir, "check").CombinedOutput(); err != nil {
					t.Errorf("check: %v\n%s", err, out)
				}
			}
		})
	}
}

// command is dray with its home in dir.
func command(dir string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err) // the test binary knows where it is
	}
	return &exec.Cmd{
		Path: exe, Args: append([]string{"dray"}, args...), Dir: dir,
		Env: append(os.Environ(), "DRAY_HOME="+filepath.Join(dir, "home"), "HOME="+dir),
	}
}

// stalling is a registry whose first answer with a large blob stops in the middle.
type stalling struct {
	host    string
	stalled chan struct{}

	mu     sync.Mutex
	ranges []string // of later requests for it
	first  bool
}

func newStalling(t *testing.T, c placetest.Content) *stalling {
	t.Helper()
	s := &stalling{stalled: make(chan struct{}), first: true}
	inner, layer := newRegistry(), c.Order[0]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, layer.Digest.String()) {
			inner.ServeHTTP(w, r)
			return
		}
		if s.isFirst(r) {
			w.Header().Set("Content-Length", fmt.Sprint(layer.Size))
			_, _ = w.Write(c.Bytes[layer.Digest][:sentBytes]) // the client may be gone already
			close(s.stalled)
			<-r.Context().Done()
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	s.host = strings.TrimPrefix(srv.URL, "http://")
	s.fill(t, c)
	return s
}

func (s *stalling) isFirst(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first {
		s.first = false
		return true
	}
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	return false
}

func (s *stalling) fill(t *testing.T, c placetest.Content) {
	t.Helper()
	src := new(mem.Place)
	for _, d := range c.Order {
		if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	n, err := ref.ParseName(s.host + "/a/b:1")
	if err != nil {
		t.Fatal(err)
	}
	client := dray.NewClient(dray.Options{})
	_, err = transfer.Copy(context.Background(), client.Repo(n), []transfer.Request{{Source: src, Root: c.Root, Names: []string{"1"}}}, transfer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

// from is the first byte that was asked for after the first answer.
func (s *stalling) from(t *testing.T) (n int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ranges) == 0 {
		t.Fatal("the layer was not asked for again")
	}
	if _, err := fmt.Sscanf(s.ranges[0], "bytes=%d-", &n); err != nil {
		t.Errorf("range %q: %v", s.ranges[0], err)
	}
	return n
}
