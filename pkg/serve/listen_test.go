package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/serve"
)

// A running server, and what Serve returns in the end.
type running struct {
	address string
	stop    func()
	done    chan error
}

func run(t *testing.T, o serve.Options, conf *tls.Config, grace time.Duration) running {
	t.Helper()
	s, err := serve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := running{ln.Addr().String(), stop, make(chan error, 1)}
	go func() { r.done <- s.Serve(ctx, ln, conf, grace) }()
	t.Cleanup(func() {
		stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// ask sends a request by hand, and reads the head of the answer.
func ask(t *testing.T, address, request string) (net.Conn, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, resp
}

// What is under way when it has to stop is waited for.
func TestGracefulStop(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{16 << 20}}) // more than any buffer of a connection
	layer, raw := layerOf(c)
	st := newStore(t)
	put(t, st, c, "example.com/app:1")
	r := run(t, serve.Options{Places: []serve.Place{{Source: st}}}, nil, time.Minute)
	_, resp := ask(t, r.address, "GET /v2/app/blobs/"+layer.Digest.String()+" HTTP/1.1\r\nHost: x\r\n\r\n")
	r.stop()
	for closed := false; !closed; { // until it takes nothing new
		conn, err := net.Dial("tcp", r.address)
		if closed = err != nil; !closed {
			_ = conn.Close()
		}
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%d of %d bytes, %v", len(got), len(raw), err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// Who takes nothing is not waited for without end.
func TestStopWithoutPatience(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{16 << 20}})
	layer, raw := layerOf(c)
	r := run(t, serve.Options{Places: []serve.Place{{Source: memory(t, c, "example.com/app:1")}}}, nil, 0)
	_, resp := ask(t, r.address, "GET /v2/app/blobs/"+layer.Digest.String()+" HTTP/1.1\r\nHost: x\r\n\r\n")
	r.stop()
	if err := <-r.done; !errors.Is(err, serve.ErrCut) {
		t.Errorf("Serve: %v", err)
	}
	if got, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("all %d of %d bytes came", len(got), len(raw))
	}
}

// A client that stalls is given up, and no sooner.
func TestStalledClients(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{16 << 20}})
	layer, _ := layerOf(c)
	seen := make(chan serve.Access, 2)
	st := newStore(t)
	put(t, st, c, "example.com/app:1")
	r := run(t, serve.Options{
		Places: []serve.Place{{Source: st}}, Writable: true, Stall: 50 * time.Millisecond,
		Access: func(a serve.Access) { seen <- a },
	}, nil, time.Minute)
	for _, request := range []string{
		"GET /v2/app/blobs/" + layer.Digest.String() + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v2/app/blobs/uploads/?digest=" + layer.Digest.String() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
	} {
		conn, resp := ask(t, r.address, request)
		a := <-seen
		if a.Status != resp.StatusCode || a.Sent >= layer.Size {
			t.Errorf("%+v", a)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTLS(t *testing.T) {
	own := httptest.NewTLSServer(nil) // for its certificate
	defer own.Close()
	c := placetest.Image(t, placetest.ImageSpec{})
	r := run(t, serve.Options{Places: []serve.Place{{Source: memory(t, c, "example.com/app:1")}}},
		&tls.Config{Certificates: own.TLS.Certificates}, time.Minute)
	resp, err := own.Client().Get("https://" + r.address + "/v2/app/manifests/1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 1 {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
}

func TestAccess(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{5000}})
	layer, raw := layerOf(c)
	seen := make(chan serve.Access, 10)
	now := newClock()
	h := start(t, serve.Options{
		Places: []serve.Place{{Source: newStore(t)}}, Writable: true, Now: now.get,
		Access: func(a serve.Access) { seen <- a },
	})
	h.do(http.MethodPost, "/v2/app/blobs/uploads/?digest="+layer.Digest.String(), reader(raw), "User-Agent", "test/1").is(http.StatusCreated)
	want := serve.Access{
		Time: now.get(), Remote: "127.0.0.1", Method: http.MethodPost, Agent: "test/1", Status: http.StatusCreated,
		URI: "/v2/app/blobs/uploads/?digest=" + layer.Digest.String(), Received: layer.Size,
	}
	if got := <-seen; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	h.get("/healthz").is(http.StatusOK) // is not told
	h.get("/v2/app/blobs/"+layer.Digest.String(), "Range", "bytes=1-100").is(http.StatusPartialContent)
	if got := <-seen; got.Sent != 100 || got.Status != http.StatusPartialContent {
		t.Errorf("%+v", got)
	}
	h.get("/v2/none/manifests/" + strings.Repeat("x", 2000))
	if got := <-seen; got.Status != http.StatusNotFound || len(got.URI) > 1024 {
		t.Errorf("%+v", got)
	}
}

func Example() {
	s, err := serve.New(serve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/alpine/manifests/3.20", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 404 {"errors":[{"code":"NAME_UNKNOWN","message":"there is no repository alpine"}]}
}
