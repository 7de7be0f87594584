package wire

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// clock notes what is slept, and does not.
type clock struct{ slept []time.Duration }

func (c *clock) sleep(_ context.Context, d time.Duration) error {
	c.slept = append(c.slept, d)
	return nil
}

func now() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }

// failing answers with status the first n times.
func failing(n, status int, header http.Header) (http.HandlerFunc, *int) {
	count := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		if count++; count <= n {
			for k := range header {
				w.Header().Set(k, header.Get(k))
			}
			w.WriteHeader(status)
			return
		}
		_, _ = w.Write([]byte("at last"))
	}, &count
}

func TestTryAgain(t *testing.T) {
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		h, count := failing(3, status, nil)
		var c clock
		var l log
		want(t, host(t, server(t, h), Options{Sleep: c.sleep, Events: l.handle}), get("/x"), "at last")
		if *count != 4 || len(c.slept) != 3 || len(l.all(event.Retry)) != 3 {
			t.Errorf("%d: %d requests, slept %v", status, *count, c.slept)
		}
		for i, d := range c.slept {
			if mean := []time.Duration{250, 750, 2250}[i] * time.Millisecond; d < mean/2 || d > mean*3/2 {
				t.Errorf("%d: wait %d is %v", status, i, d)
			}
		}
	}
}

func TestGiveUp(t *testing.T) {
	for retries, wantTries := range map[int]int{0: 6, 2: 3, -1: 1} {
		h, count := failing(100, 503, nil)
		err := fails(t, host(t, server(t, h), Options{Retries: retries}), get("/x"), place.ErrUnavailable)
		if *count != wantTries {
			t.Errorf("%d requests with %d retries: %v", *count, retries, err)
		}
	}
}

func TestDoNotTryAgain(t *testing.T) {
	for status, is := range map[int]error{
		400: nil, 401: place.ErrDenied, 403: place.ErrDenied, 404: place.ErrNotFound, 405: place.ErrUnsupported,
		501: place.ErrUnsupported, 507: place.ErrUnavailable, 304: place.ErrInvalid,
	} {
		h, count := failing(100, status, nil)
		_, err := read(t, host(t, server(t, h), Options{}), get("/x"))
		if err == nil || is != nil && !errors.Is(err, is) || *count != 1 {
			t.Errorf("%d: %v after %d requests", status, err, *count)
		}
	}
	h, count := failing(100, 503, nil)
	once := get("/x")
	once.Once = true
	fails(t, host(t, server(t, h), Options{}), once, place.ErrUnavailable)
	if *count != 1 {
		t.Errorf("Once is tried %d times", *count)
	}
}

func TestRetryAfter(t *testing.T) {
	for name, header := range map[string]string{"seconds": "17", "date": now().Add(17 * time.Second).Format(http.TimeFormat)} {
		h, _ := failing(1, 429, http.Header{"Retry-After": {header}})
		var c clock
		want(t, host(t, server(t, h), Options{Sleep: c.sleep, Now: now}), get("/x"), "at last")
		if len(c.slept) != 1 || c.slept[0] != 17*time.Second {
			t.Errorf("%s: slept %v", name, c.slept)
		}
	}
}

func TestRetryAfterTooLong(t *testing.T) {
	h, count := failing(1, 429, http.Header{"Retry-After": {strconv.Itoa(6 * 3600)}})
	var c clock
	err := fails(t, host(t, server(t, h), Options{Sleep: c.sleep, Now: now}), get("/x"), place.ErrUnavailable)
	if !strings.Contains(err.Error(), "not before 2026-11-22T16:00:00Z") || len(c.slept) > 0 || *count != 1 {
		t.Errorf("%v, slept %v, %d requests", err, c.slept, *count)
	}
	if !strings.Contains(hint(err), "dray login") {
		t.Errorf("hint %q", hint(err))
	}
}

// TestConnectionCloses: a server that hangs up is tried again, and is never io.EOF.
func TestConnectionCloses(t *testing.T) {
	count := 0
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		if count++; count < 3 {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte("at last"))
	})
	want(t, host(t, s, Options{}), sending(http.MethodPost, "/x", []byte("b")), "at last")
	count = -1000
	err := fails(t, host(t, s, Options{Retries: 1}), sending(http.MethodPost, "/x", []byte("b")), place.ErrUnavailable)
	if strings.Contains(err.Error(), "EOF") {
		t.Error(err)
	}
}

func TestProgressResetsTheCount(t *testing.T) {
	h := NewHost(Options{Retries: 2, Sleep: (&clock{}).sleep}, "r.example")
	tries := h.Tries()
	down := &Error{Status: 503, again: true}
	for range 10 {
		for range 2 {
			if err := tries.Wait(t.Context(), down); err != nil {
				t.Fatal(err)
			}
		}
		tries.Progress()
	}
	for range 2 {
		if err := tries.Wait(t.Context(), down); err != nil {
			t.Fatal(err)
		}
	}
	if err := tries.Wait(t.Context(), down); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}
