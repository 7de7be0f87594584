package cstorage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

func TestPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		return doors(t, fake(t), "example.com/team/app:1.0")
	}})
}

func doors(t *testing.T, e *Engine, name string) placetest.Doors {
	d := placetest.Doors{
		Sink:   func(*testing.T) place.Sink { return engine.NewSink(e, tars(t)) },
		Source: func(*testing.T) place.Source { return engine.NewSource(e, tars(t), name, nil) },
		Name:   name,
	}
	if strings.HasSuffix(t.Name(), "/DockerImage") {
		sink := d.Sink
		d.Sink = func(t *testing.T) place.Sink { return unkept{sink(t)} }
	}
	return d
}

// unkept says of a sink that digests change: with Docker's media types they do
// on the way out of podman, which the suite does not tell from the way in.
type unkept struct{ place.Sink }

func (u unkept) Unwrap() place.Sink { return u.Sink }

func (u unkept) Traits() place.Traits {
	traits := u.Sink.Traits()
	traits.Rewrites = true
	return traits
}

// TestRealPodman holds a real podman against the contract of places, with a
// store of its own for each test.
func TestRealPodman(t *testing.T) {
	command := os.Getenv("DRAY_TEST_PODMAN")
	if command == "" {
		t.Skip("DRAY_TEST_PODMAN names no podman that may be used")
	}
	var n atomic.Int32
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		e, err := New(Options{Command: []string{command, "--root", t.TempDir(), "--runroot", t.TempDir(), "--storage-driver", "vfs"}})
		if err != nil {
			t.Fatal(err)
		}
		return doors(t, e, fmt.Sprintf("dray.example/test:%d", n.Add(1)))
	}})
}

func TestNoPodman(t *testing.T) {
	_, err := New(Options{Command: []string{"/no/such/podman"}})
	var hint interface{ Hint() string }
	if !errors.Is(err, place.ErrUnavailable) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "install") {
		t.Errorf("got %v", err)
	}
}

// load puts images into e, each under its name.
func load(t *testing.T, e *Engine, images map[string]placetest.Content) error {
	t.Helper()
	var src mem.Place
	var reqs []transfer.Request
	for name, c := range images {
		for _, d := range c.Order {
			if err := src.Put(t.Context(), d, func(context.Context, int64, int64) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(string(c.Bytes[d.Digest]))), nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		reqs = append(reqs, transfer.Request{Source: &src, Root: c.Root, Names: []string{name, name + "-too"}})
	}
	s := engine.NewSink(e, tars(t))
	_, err := transfer.Copy(t.Context(), s, reqs, transfer.Options{})
	return errors.Join(err, s.Close())
}

func TestManyImages(t *testing.T) {
	e := fake(t)
	a, b := placetest.Image(t, placetest.ImageSpec{}), placetest.Image(t, placetest.ImageSpec{Layers: []int{100, 5}})
	if err := load(t, e, map[string]placetest.Content{"x.example/a:1": a, "x.example/b:1": b}); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, e), []string{"x.example/a:1", "x.example/a:1-too", "x.example/b:1", "x.example/b:1-too"}; !slices.Equal(got, want) {
		t.Errorf("names %q", got)
	}
	if d, err := e.Digest(t.Context(), "x.example/b:1"); err != nil || d != b.Root.Digest {
		t.Errorf("digest %v, %v", d, err)
	}
	var hint interface{ Hint() string }
	if _, err := e.Digest(t.Context(), "x.example/c:1"); !errors.Is(err, place.ErrNotFound) || !errors.As(err, &hint) {
		t.Errorf("got %v", err)
	}
}

// TestOtherManifest: an image of the same config under another manifest is not
// the image, unless podman knows it under both.
func TestOtherManifest(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	config := c.Order[len(c.Order)-2].Digest
	e := fake(t)
	if err := load(t, e, map[string]placetest.Content{"x.example/a:1": c}); err != nil {
		t.Fatal(err)
	}
	if has, err := e.Has(t.Context(), c.Root, config); err != nil || !has {
		t.Errorf("Has = %v, %v", has, err)
	}
	t.Setenv("DRAY_TEST_FAKE_DIGEST", "sha256:0000")
	if has, err := e.Has(t.Context(), c.Root, config); err != nil || has {
		t.Errorf("Has = %v, %v of another manifest", has, err)
	}
	if err := e.Tag(t.Context(), c.Root, config, "x.example/b:1"); err == nil || !strings.Contains(err.Error(), "sha256:0000") {
		t.Errorf("Tag: %v", err)
	}
	t.Setenv("DRAY_TEST_FAKE_DIGESTS", "x@sha256:1111 x.example/a@"+c.Root.Digest.String())
	if has, err := e.Has(t.Context(), c.Root, config); err != nil || !has {
		t.Errorf("Has = %v, %v of one of two manifests", has, err)
	}
	if has, err := e.Has(t.Context(), c.Root, v1.Hash{Algorithm: "sha256", Hex: "00"}); err != nil || has {
		t.Errorf("Has = %v, %v of nothing", has, err)
	}
}

// TestConfigStays: what podman cannot give back as it was keeps its config.
func TestConfigStays(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Docker: true})
	e := fake(t)
	if err := load(t, e, map[string]placetest.Content{"x.example/docker:1": c}); err != nil {
		t.Fatal(err)
	}
	src := engine.NewSource(e, tars(t), "x.example/docker:1", nil)
	root, err := src.Resolve(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := place.ReadManifest(t.Context(), src, root)
	if err != nil || doc.Image.Config.Digest != c.Order[len(c.Order)-2].Digest {
		t.Errorf("%+v, %v", doc, err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

// TestIsPlain: only what is surely plain is saved as such.
func TestIsPlain(t *testing.T) {
	plain := placetest.Image(t, placetest.ImageSpec{})
	raw := plain.Bytes[plain.Root.Digest]
	packed := bytes.ReplaceAll(raw, []byte("layer.v1.tar"), []byte("layer.v1.tar+gzip"))
	docker := placetest.Image(t, placetest.ImageSpec{Docker: true})
	for what, tt := range map[string]struct {
		manifest []byte // as podman keeps it
		digest   string // as podman shows it
		want     bool
	}{
		"plain":      {raw, plain.Root.Digest.String(), true},
		"compressed": {packed, manifest.Describe("", packed).Digest.String(), false},
		"docker":     {docker.Bytes[docker.Root.Digest], docker.Root.Digest.String(), false},
		"of another": {raw, docker.Root.Digest.String(), false},
		"too large":  {make([]byte, manifest.MaxBytes+1), plain.Root.Digest.String(), false},
		"not there":  {nil, plain.Root.Digest.String(), false},
		"no digest":  {raw, "sha256:x", false},
	} {
		e := fake(t)
		id := strings.Repeat("a", 64)
		if tt.manifest != nil {
			dir := filepath.Join(os.Getenv("DRAY_TEST_FAKE_PODMAN"), id)
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "manifest"), tt.manifest, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if got := e.isPlain(t.Context(), image{ID: id, Digest: tt.digest}); got != tt.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	if fake(t).isPlain(t.Context(), image{ID: "../x", Digest: plain.Root.Digest.String()}) {
		t.Error("an ID that is a path is followed")
	}
}

func TestPodmanFails(t *testing.T) {
	e := fake(t)
	t.Setenv("DRAY_TEST_FAKE_FAILS", "no space left on device")
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{3_000_000}})
	if err := e.List(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no space left on device (exit status 125)") {
		t.Errorf("List: %v", err)
	}
	if err := e.Save(t.Context(), io.Discard, "a"); err == nil {
		t.Error("Save succeeds")
	}
	// Load fails while its reader waits for somebody to write.
	r, w := io.Pipe()
	if err := e.Load(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), "podman load: ") {
		t.Errorf("Load: %v", err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the stream is still open: %v", err)
	}
	if _, err := e.Has(t.Context(), c.Root, c.Root.Digest); err == nil {
		t.Error("Has succeeds")
	}
}

func TestCutStream(t *testing.T) {
	e := fake(t)
	cut := errors.New("cut")
	if err := e.Load(t.Context(), io.NopCloser(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(cut)))); !errors.Is(err, cut) {
		t.Errorf("got %v", err)
	}
	if got := names(t, e); len(got) > 0 {
		t.Errorf("there is %q", got)
	}
}

func TestNobodyReads(t *testing.T) {
	e := fake(t)
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1_000_000}})
	if err := load(t, e, map[string]placetest.Content{"x.example/a:1": c}); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	r, w := io.Pipe()
	r.CloseWithError(full)
	if err := e.Save(t.Context(), w, "x.example/a:1"); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	e := fake(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error)
	go func() { done <- e.Load(ctx, r) }()
	if _, err := w.Write(make([]byte, 512)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBounds(t *testing.T) {
	var b atMost
	if _, err := b.Write(make([]byte, maxAnswerBytes)); err != nil {
		t.Error(err)
	}
	if _, err := b.Write([]byte{0}); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	var l lastWords
	for range 1000 {
		if _, err := l.Write([]byte("level=info msg=nothing\n")); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Write([]byte("Error: why\n")); err != nil {
		t.Error(err)
	}
	if s := l.String(); len(s) > maxStderrBytes || !strings.HasSuffix(s, "Error: why") {
		t.Errorf("%d bytes: %q", len(s), s)
	}
}
