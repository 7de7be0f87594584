package far

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/dray-oci/dray/pkg/place"
)

// A Conn is the near end of a connection. It is safe for concurrent use.
type Conn struct {
	host   string // for messages
	net    net.Conn
	client func() (*http.ClientConn, error)
}

// NewConn returns the near end of conn, whose far end is [Serve]; host is what to
// call it. Close closes conn. Places must be closed before.
func NewConn(host string, conn net.Conn) *Conn {
	// Not the transport itself sends: it would dial again where a request follows
	// the first before that has given its connection back.
	t := &http.Transport{
		Protocols: new(http.Protocols), DisableCompression: true, HTTP2: tuning(), MaxResponseHeaderBytes: 64 << 10,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &Conn{host: host, net: conn, client: sync.OnceValues(func() (*http.ClientConn, error) {
		return t.NewClientConn(context.Background(), "http", "far:80")
	})}
}

// Close ends the connection.
func (c *Conn) Close() error { return c.net.Close() }

// do sends a request, and returns an answer that is good. The caller closes its body.
func (c *Conn) do(req *http.Request) (*http.Response, error) {
	client, err := c.client()
	if err != nil {
		return nil, errors.Join(c.broken(req.Context(), err), req.Body.Close()) // as RoundTrip does
	}
	resp, err := client.RoundTrip(req)
	if err != nil {
		return nil, c.broken(req.Context(), err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	var f failure
	err = readDoc(resp.Body, maxDocBytes, &f)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, c.broken(req.Context(), err)
	}
	return nil, f.err(c.host)
}

// broken is what err, the failure of an exchange, means.
func (c *Conn) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if why, ok := c.net.(interface{ Why() error }); ok {
		if said := why.Why(); said != nil {
			return said
		}
	}
	return fmt.Errorf("talking to %s: the connection broke (%v): %w", c.host, err, place.ErrUnavailable)
}

// ask asks a question, and reads the answer.
func (c *Conn) ask(ctx context.Context, path string, question, answer any) error {
	resp, err := c.post(ctx, path, question)
	if err != nil {
		return err
	}
	err = readAnswer(resp.Body, answer)
	if err = errors.Join(err, resp.Body.Close()); err != nil && !errors.Is(err, place.ErrInvalid) {
		return c.broken(ctx, err)
	}
	return err
}

// post asks a question. The caller closes the body of the answer.
func (c *Conn) post(ctx context.Context, path string, question any) (*http.Response, error) {
	raw, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, path, io.NopCloser(bytes.NewReader(raw)), nil)
}

func (c *Conn) send(ctx context.Context, path string, body io.ReadCloser, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://far"+path, body)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	return c.do(req)
}
