package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// log keeps what a Host reports.
type log struct {
	mu     sync.Mutex
	events []event.Event
}

func (l *log) handle(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *log) all(kind event.Kind) []event.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []event.Event
	for _, e := range l.events {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// server serves h in plain HTTP on loopback.
func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// host returns the Host at s that does not sleep between tries.
func host(t *testing.T, s *httptest.Server, o Options) *Host {
	t.Helper()
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c.Host(hostOf(s), false)
}

func hostOf(s *httptest.Server) string {
	_, host, _ := strings.Cut(s.URL, "://")
	return host
}

func get(path string) *Request { return &Request{Method: http.MethodGet, Path: path} }

// read makes the request and reads the whole answer.
func read(t *testing.T, h *Host, r *Request) (string, error) {
	t.Helper()
	resp, err := h.Do(t.Context(), r)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), errors.Join(err, resp.Body.Close())
}

// want fails the test unless the answer to r is body.
func want(t *testing.T, h *Host, r *Request, body string) {
	t.Helper()
	if got, err := read(t, h, r); got != body || err != nil {
		t.Errorf("%s %s: %q, %v, want %q", r.Method, r.Path, got, err, body)
	}
}

// fails returns the error of r, and fails the test if there is none.
func fails(t *testing.T, h *Host, r *Request, is error) error {
	t.Helper()
	got, err := read(t, h, r)
	if !errors.Is(err, is) {
		t.Fatalf("%s %s: %q, %v, want %v", r.Method, r.Path, got, err, is)
	}
	return err
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// body answers with a text.
func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// sending returns a request with a body.
func sending(method, path string, b []byte) *Request {
	return &Request{
		Method: method, Path: path, Size: int64(len(b)),
		Body: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(b))), nil },
	}
}
