package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

const short = 50 * time.Millisecond // a limit that is meant to be reached

func TestHugeHeaders(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			w.Header().Set("X-Huge", strings.Repeat("x", 2*maxHeaderBytes))
		}
	})
	fails(t, host(t, s, Options{Retries: -1}), get("/x"), place.ErrUnavailable)
}

// TestEndlessErrorBody: it is cut, and the status is kept.
func TestEndlessErrorBody(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		for err := error(nil); err == nil; {
			_, err = io.WriteString(w, strings.Repeat("no ", 10_000))
		}
	})
	err := fails(t, host(t, s, Options{}), get("/x"), place.ErrNotFound)
	if len(err.Error()) > 1000 || !strings.HasPrefix(err.Error(), `404 "no no`) {
		t.Errorf("%.300s", err)
	}
}

func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			<-hang
		}
	})
	defer close(hang)
	err := fails(t, host(t, s, Options{Retries: -1, HeaderTimeout: short}), get("/x"), place.ErrUnavailable)
	if !errors.Is(err, errNoAnswer) {
		t.Error(err)
	}
}

func TestStall(t *testing.T) {
	hang := make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			<-hang
		}
	})
	defer close(hang)
	got, err := read(t, host(t, s, Options{StallTimeout: short}), get("/x"))
	if got != "begin" || !errors.Is(err, errStalled) || !errors.Is(err, place.ErrUnavailable) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestStalledUpload: the server takes nothing more, and the socket's buffers are full.
func TestStalledUpload(t *testing.T) {
	hang := make(chan struct{})
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = r.Body.Read(make([]byte, 1))
			<-hang
		}
	})
	defer close(hang)
	h := host(t, s, Options{StallTimeout: short, Retries: -1})
	err := fails(t, h, sending(http.MethodPut, "/x", make([]byte, 64<<20)), place.ErrUnavailable)
	if !errors.Is(err, errStalled) {
		t.Error(err)
	}
}

// TestCancelled: the caller's own end is not a fault of the registry, and nothing is tried again.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user left")
	tries := 0
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			tries++
			cancel(why)
			<-r.Context().Done()
		}
	})
	_, err := host(t, s, Options{}).Do(ctx, get("/x"))
	if !errors.Is(err, why) || errors.Is(err, place.ErrUnavailable) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestSourceOfABodyFails(t *testing.T) {
	broken := errors.New("disk on fire")
	var tries atomic.Int32
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			tries.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
		}
	})
	r := sending(http.MethodPut, "/x", make([]byte, 100))
	r.Body = func(context.Context) (io.ReadCloser, error) { return nil, broken }
	err := fails(t, host(t, s, Options{}), r, broken)
	if errors.Is(err, place.ErrUnavailable) || tries.Load() > 1 {
		t.Errorf("%v after %d tries", err, tries.Load())
	}
}

// TestPerHost: no more are open than allowed, and the next one gets in when one is closed.
func TestPerHost(t *testing.T) {
	s := server(t, body("x"))
	h := host(t, s, Options{PerHost: 2})
	content := get("/x")
	content.Content = true
	first, err := h.Do(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.Do(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	want(t, h, get("/other"), "x") // what is no content does not wait
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	if _, err := h.Do(ctx, content); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third is let in: %v", err)
	}
	if err := first.Body.Close(); err != nil {
		t.Error(err)
	}
	want(t, h, content, "x")
	if err := second.Body.Close(); err != nil {
		t.Error(err)
	}
	missing := get("/x")
	missing.Content, missing.URL = true, mustParse(t, "http://127.0.0.1:1/")
	for range 3 { // a failure gives its place back
		missing.Once = true
		if _, err := h.Do(t.Context(), missing); err == nil {
			t.Fatal("no error")
		}
	}
}

// trickle is a body of one byte at a time.
type trickle struct{ reads int }

func (r *trickle) Read(p []byte) (int, error) {
	r.reads++
	p[0] = 'x'
	return 1, nil
}

func (r *trickle) Close() error { return nil }

// TestTrickle: by a clock that moves a second each time it is looked at, what a
// server says besides content is read for ten of them.
func TestTrickle(t *testing.T) {
	var now time.Time
	c := New(Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	defer c.Close()
	h := c.Host("localhost", false)
	for name, use := range map[string]func(*http.Response) error{
		"the rest of an answer": finish,
		"an error":              func(resp *http.Response) error { return h.refusal(resp, true) },
	} {
		slow := &trickle{}
		err := use(&http.Response{StatusCode: 404, Body: &inbound{ReadCloser: slow, h: h, w: newWatch(t.Context())}})
		if err == nil || slow.reads > 10 {
			t.Errorf("%s: read %d times, %v", name, slow.reads, err)
		}
	}
}

func TestScheme(t *testing.T) {
	plain := server(t, body("plain"))
	secure := httptest.NewTLSServer(body("secure"))
	t.Cleanup(secure.Close)
	want(t, host(t, plain, Options{}), get("/x"), "plain")
	want(t, host(t, secure, Options{Insecure: []string{"127.0.0.1"}}), get("/x"), "secure")

	err := fails(t, host(t, secure, Options{}), get("/x"), place.ErrUnavailable)
	if !strings.Contains(hint(err), "--ca-file") {
		t.Errorf("%v: %s", err, hint(err))
	}
	trusting := host(t, secure, Options{TLS: func(name string) (*tls.Config, error) {
		if name != hostOf(secure) {
			t.Errorf("asked for %s", name)
		}
		return secure.Client().Transport.(*http.Transport).TLSClientConfig, nil
	}})
	want(t, trusting, get("/x"), "secure")
}

func TestSchemeIsAskedOnce(t *testing.T) {
	var l log
	h := host(t, server(t, body("x")), Options{Events: l.handle})
	for range 3 {
		want(t, h, get("/x"), "x")
	}
	if got := len(l.all(event.Request)); got != 5 { // https, http, and the three
		t.Errorf("%d requests", got)
	}
}

func TestNothingThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var seen log
	c := New(Options{Events: seen.handle})
	err = fails(t, c.Host(addr, false), get("/x"), place.ErrUnavailable)
	if n := len(seen.all(event.Retry)); n > 0 {
		t.Errorf("where nobody ever was it is tried %d times again: %v", n, err)
	}
}

func TestEventsHoldNoSecrets(t *testing.T) {
	s := server(t, protected(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			http.Redirect(w, r, "/y?signature=secret", http.StatusFound)
		}
	}))
	var l log
	h := host(t, s, Options{Credentials: basicCred, Events: l.handle})
	want(t, h, get("/x"), "")
	if text := fmt.Sprintf("%+v", l.events); strings.Contains(text, "secret") || !strings.Contains(text, "/y 200") {
		t.Error(text)
	}
}
