package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestPlace(t *testing.T) {
	for _, containerd := range []bool{false, true} {
		t.Run(fmt.Sprintf("containerd %v", containerd), func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
				e := dial(t, Options{Host: "unix://" + socket(t, &docker{containerd: containerd, version: "1.41"})})
				return doors(t, e, "example.com/team/app:1.0")
			}})
		})
	}
}

func doors(t *testing.T, e *Engine, name string) placetest.Doors {
	return placetest.Doors{
		Sink:   func(*testing.T) place.Sink { return engine.NewSink(e, tars(t)) },
		Source: func(*testing.T) place.Source { return engine.NewSource(e, tars(t), name, nil) },
		Name:   name,
	}
}

// TestRealEngine holds a real engine against the contract of places. It removes
// what it loaded, and every image there that has no name.
func TestRealEngine(t *testing.T) {
	host := os.Getenv("DRAY_TEST_DOCKER_HOST")
	if host == "" {
		t.Skip("DRAY_TEST_DOCKER_HOST names no engine that may be used")
	}
	e := dial(t, Options{Host: host})
	var n atomic.Int32
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		t.Cleanup(func() { sweep(t, e) })
		return doors(t, e, fmt.Sprintf("dray.example/test/%d:%d", os.Getpid(), n.Add(1)))
	}})
}

func sweep(t *testing.T, e *Engine) {
	t.Helper()
	ctx := context.Background() // the test's has ended
	ask := func(method, path string, query map[string]string) {
		resp, err := e.do(ctx, method, path, query, nil)
		if err == nil {
			err = resp.Body.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	err := e.List(ctx, func(entry place.Entry) error {
		if strings.HasPrefix(entry.Name, "dray.example/test/") {
			ask(http.MethodDelete, "/images/"+entry.Name, nil)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	ask(http.MethodPost, "/images/prune", map[string]string{"filters": `{"dangling":["true"]}`})
}

func TestTraits(t *testing.T) {
	classic := dial(t, Options{Host: "unix://" + socket(t, &docker{version: "1.41"})})
	if got := classic.Traits(); !got.NoIndex || !got.Rewrites || classic.OneImage() {
		t.Errorf("classic: %+v", got)
	}
	containerd := dial(t, Options{Host: "unix://" + socket(t, &docker{version: "1.48", containerd: true})})
	if got := containerd.Traits(); got.NoIndex || got.Rewrites {
		t.Errorf("containerd: %+v", got)
	}
}

func TestVersion(t *testing.T) {
	for offered, want := range map[string]string{"1.24": "1.24", "1.41": "1.41", "1.99": newestVersion, "": "", "2.0": "", "1.4/../..": "", "1.9999": ""} {
		if got := version(offered); got != want {
			t.Errorf("version(%q) = %q, want %q", offered, got, want)
		}
	}
	d := &docker{version: "1.99"}
	e := dial(t, Options{Host: "unix://" + socket(t, d)})
	if err := e.List(t.Context(), func(place.Entry) error { return nil }); err != nil {
		t.Error(err)
	}
	if want := []string{"/_ping", "/v1.51/info", "/v1.51/images/json"}; !slices.Equal(d.paths, want) {
		t.Errorf("asked %q, want %q", d.paths, want)
	}
}

func TestNames(t *testing.T) {
	d := &docker{version: "1.41"}
	e := dial(t, Options{Host: "unix://" + socket(t, d)})
	c := placetest.Image(t, placetest.ImageSpec{})
	s := engine.NewSink(e, tars(t))
	todo, err := s.Plan(t.Context(), c.Plan("docker.io/library/app:1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range todo {
		if err := s.Put(t.Context(), b, func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(c.Bytes[b.Digest]))), nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(t.Context(), c.Root, "docker.io/library/app:1", "pulled.example/app:2"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"docker.io/library/app@" + c.Root.Digest.String(), "docker.io/library/app:1@" + c.Root.Digest.String()} {
		if err := s.Commit(t.Context(), c.Root, bad); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	var names []string
	if err := e.List(t.Context(), func(e place.Entry) error { names = append(names, e.Name); return nil }); err != nil {
		t.Error(err)
	}
	if want := []string{"docker.io/library/app:1", "pulled.example/app:2"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	for name, want := range map[string]v1.Hash{"docker.io/library/app:1": {}, "pulled.example/app:2": c.Root.Digest} {
		if got, err := e.Digest(t.Context(), name); err != nil || got != want {
			t.Errorf("Digest(%s) = %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := e.Digest(t.Context(), "nothing:1"); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestTagOfAnother: a name that ends up on another image than was loaded.
func TestTagOfAnother(t *testing.T) {
	e := dial(t, Options{Host: "unix://" + socket(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/_ping":
		case strings.HasSuffix(r.URL.Path, "/tag"):
			w.WriteHeader(http.StatusCreated)
		default:
			io.WriteString(w, `{"Id":"sha256:feed"}`)
		}
	}))})
	c := placetest.Image(t, placetest.ImageSpec{})
	if err := e.Tag(t.Context(), c.Root, c.Root.Digest, "app:1"); err == nil || !strings.Contains(err.Error(), "sha256:feed") {
		t.Errorf("got %v", err)
	}
}

func TestLoadAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		"": "",
		"{\"stream\":\"Loaded image: a:1\\n\"}\n\n{\"status\":\"x\",\"progressDetail\":{\"current\":1}}": "",
		"{\"stream\":\"x\"}\n{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"no space\"}\n":      "docker says: no space",
		`{"errorDetail":{"message":"only there"}}`:                                                       "docker says: only there",
		"<html>": `docker answers "<html>"`,
		`{"stream":"` + strings.Repeat("x", maxMessageBytes) + `"}`: "token too long",
	} {
		err := loadAnswer(strings.NewReader(answer))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.50q: %v, want %q", answer, err, want)
		}
	}
	if err := loadAnswer(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func FuzzLoadAnswer(f *testing.F) {
	f.Add("{\"stream\":\"x\"}\n{\"error\":\"y\"}")
	f.Add("{\n}")
	f.Fuzz(func(t *testing.T, answer string) {
		failed := false
		for line := range strings.Lines(answer) {
			var m struct{ Error string }
			failed = failed || json.Unmarshal([]byte(line), &m) == nil && m.Error != ""
		}
		if err := loadAnswer(strings.NewReader(answer)); failed && err == nil {
			t.Errorf("%q passes", answer)
		}
	})
}

func TestStatuses(t *testing.T) {
	var status int
	var body string
	e := dial(t, Options{Host: "unix://" + socket(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 0 {
			w.WriteHeader(status)
			io.WriteString(w, body)
			return
		}
		io.WriteString(w, "{}")
	}))})
	for _, tt := range []struct {
		status int
		body   string
		is     error
		says   string
	}{
		{404, `{"message":"No such image"}`, place.ErrNotFound, "docker says 404: No such image"},
		{403, "authorization denied", place.ErrDenied, "denied"},
		{503, "", place.ErrUnavailable, "503"},
		{500, `{"message":"` + strings.Repeat("x", 100_000) + `"}`, nil, "xxx"},
		{307, "", nil, "307"},
		{200, `{"Id":`, place.ErrInvalid, "unexpected end"},
		{200, strings.Repeat(" ", decodeMost+1), place.ErrInvalid, "more than"},
	} {
		status, body = tt.status, tt.body
		_, err := e.inspect(t.Context(), "a:1")
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 2000 {
			t.Errorf("%d: %.200v", tt.status, err)
		}
	}
}

func TestLoadIsCancelled(t *testing.T) {
	e := dial(t, Options{Host: "unix://" + socket(t, &docker{version: "1.41"})})
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
	if _, err := w.Write(make([]byte, 512)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the stream is still read: %v", err)
	}
}
