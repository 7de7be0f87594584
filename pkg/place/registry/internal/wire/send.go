package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place/registry/internal/guard"
)

// maxHops bounds the redirects of one request.
const maxHops = 10

// send makes one exchange with u. The body of the answer ends it, and must be closed.
func (h *Host) send(ctx context.Context, r *Request, u *url.URL, header http.Header) (*http.Response, error) {
	p, err := h.peer(u)
	if err != nil {
		return nil, err
	}
	w := newWatch(ctx)
	var out *outgoing
	if r.Body != nil {
		out = &outgoing{r: r, h: h, w: w}
	}
	req := r.build(w, u, header, h.o.UserAgent, out)
	start := h.o.Now()
	w.arm(r.patience(h), errNoAnswer)
	resp, err := p.RoundTrip(req)
	w.disarm()
	h.report(req, resp, err, h.o.Now().Sub(start))
	if err != nil {
		if fault := out.fault(); fault != nil && w.ctx.Err() == nil {
			err = fault
		} else {
			err = h.broken(w, err)
		}
		w.stop()
		out.wait()
		return nil, err
	}
	h.answered.Store(true)
	h.tellQuota(resp)
	resp.Request = req
	resp.Body = &inbound{ReadCloser: resp.Body, h: h, w: w, out: out}
	return resp, nil
}

// report tells of one exchange, without query values, which may be secrets.
func (h *Host) report(req *http.Request, resp *http.Response, err error, took time.Duration) {
	if h.o.Events == nil {
		return
	}
	e := event.Event{Kind: event.Request, Name: h.name, Wait: took, Err: err}
	e.Text = fmt.Sprintf("%s %s%s ", req.Method, guard.Origin(req.URL), req.URL.EscapedPath())
	if resp != nil {
		e.Text += fmt.Sprint(resp.StatusCode)
	} else {
		e.Text += "failed"
	}
	h.o.Events.Emit(e)
}

// follow sends r to u, and goes where the answers send it. What authenticates
// stays behind as soon as the origin changes, for good.
func (h *Host) follow(ctx context.Context, r *Request, u *url.URL, header http.Header) (*http.Response, error) {
	for hop := 0; ; hop++ {
		resp, err := h.send(ctx, r, u, header)
		if err != nil || !redirects(r.Method, resp) {
			return resp, err
		}
		next, err := h.next(u, resp.Header.Get("Location"))
		if cerr := finish(resp); err == nil {
			err = cerr
		}
		if err == nil && hop == maxHops {
			err = refused(&guard.Error{Why: fmt.Sprintf("it redirects more than %d times", maxHops)})
		}
		if err != nil {
			return nil, err
		}
		if !guard.SameOrigin(u, next) {
			header = header.Clone()
			for _, secret := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
				header.Del(secret)
			}
		}
		u = next
	}
}

// redirects reports whether resp sends elsewhere. Only 307 and 308 say that a
// request that changes something may be repeated there.
func redirects(method string, resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		return method == http.MethodGet || method == http.MethodHead
	}
	return false
}

func (h *Host) next(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return nil, refused(&guard.Error{Why: "it redirects to what is no URL"})
	}
	to.User, to.Fragment = nil, ""
	return to, refused(h.trust.Redirect(from, to))
}
