package wire

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// A Request is one question to a registry. It is not changed, and can be used again.
type Request struct {
	Method string
	Path   string     // below the registry's root, as in "/v2/a/b/tags/list"
	Query  url.Values // goes with Path
	URL    *url.URL   // instead of Path and Query: where the registry said to go on
	Header http.Header

	// Body opens the Size bytes to send, each time from the start; nil sends none.
	// An error of the reader ends the request and is returned as it is.
	Body func(ctx context.Context) (io.ReadCloser, error)
	Size int64

	Repository string   // whose credentials to use
	Scopes     []string // what is done, in the words of the token server

	Once     bool          // not to be tried again
	Content  bool          // the answer is content, and counts among what is read at once
	Patience time.Duration // beyond the usual, for the answer to begin
}

func (r *Request) patience(h *Host) time.Duration { return h.o.HeaderTimeout + r.Patience }

// expectBytes is the size from which on a body is only sent after the server
// has said that it wants it: an expired token or a limit then costs no bytes.
const expectBytes = 1 << 20

// build returns the request for one exchange with u.
func (r *Request) build(w *watch, u *url.URL, header http.Header, userAgent string, out *outgoing) *http.Request {
	req := (&http.Request{
		Method: r.Method, URL: u, Host: u.Host, Header: header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, // or Expect is not heeded
	}).WithContext(w.ctx)
	req.Header.Set("User-Agent", userAgent)
	if out == nil || r.Size == 0 {
		return req
	}
	req.Body = out.reader()
	req.GetBody = func() (io.ReadCloser, error) { return out.reader(), nil }
	req.ContentLength = r.Size
	if r.Size >= expectBytes {
		req.Header.Set("Expect", "100-continue")
	}
	return req
}
