package wire

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/guard"
)

// Do asks the registry and returns its answer, which was 2xx; any other is an
// [*Error]. What may pass is tried again unless r.Once is set. The caller closes
// the answer's body; its Request.URL is where it came from in the end.
func (h *Host) Do(ctx context.Context, r *Request) (*http.Response, error) {
	leave, err := h.enter(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := h.try(ctx, r)
	switch {
	case err != nil && leave != nil:
		leave()
	case err == nil:
		resp.Body.(*inbound).leave = leave
	}
	return resp, err
}

// enter waits for a place among the readers, for as long as its answer is read.
func (h *Host) enter(ctx context.Context, r *Request) (leave func(), err error) {
	if h.reading == nil || !r.Content {
		return nil, nil
	}
	select {
	case h.reading <- struct{}{}:
		return func() { <-h.reading }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (h *Host) try(ctx context.Context, r *Request) (*http.Response, error) {
	tries := h.Tries()
	for {
		resp, err := h.ask(ctx, r)
		if err == nil || r.Once {
			return resp, err
		}
		if err := tries.Wait(ctx, err); err != nil {
			return nil, err
		}
	}
}

// ask asks once, and once more with what the registry demands.
func (h *Host) ask(ctx context.Context, r *Request) (*http.Response, error) {
	base, err := h.origin(ctx)
	if err != nil {
		return nil, err
	}
	u := r.URL
	if u == nil {
		u = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: r.Path, RawQuery: r.Query.Encode()}
	}
	if !guard.SameOrigin(u, base) {
		resp, err := h.follow(ctx, r, u, r.header(""))
		if err != nil {
			return nil, err
		}
		return h.judge(resp, false)
	}
	for renewed := false; ; renewed = true {
		ask := auth.Ask{Repository: r.Repository, Scopes: r.Scopes}
		shown, err := h.auth.Header(ctx, ask)
		if err != nil {
			return nil, err
		}
		resp, err := h.follow(ctx, r, u, r.header(shown))
		if err != nil {
			return nil, err
		}
		own := guard.SameOrigin(resp.Request.URL, base)
		if renewed || !own || resp.StatusCode != http.StatusUnauthorized {
			return h.judge(resp, own)
		}
		again, err := h.auth.Refused(ctx, ask, shown, resp.Header.Values("WWW-Authenticate"))
		if err == nil && !again {
			return h.judge(resp, own)
		}
		if err := errors.Join(err, finish(resp)); err != nil {
			return nil, err
		}
	}
}

// header returns a copy of r's headers with what is shown for authority.
func (r *Request) header(authorization string) http.Header {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return header
}

// judge returns resp if it is good, and otherwise closes it.
func (h *Host) judge(resp *http.Response, own bool) (*http.Response, error) {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	return nil, h.refusal(resp, own)
}

// Locate returns the URL that location, a header of resp, stands for. A
// registry behind a proxy that ends TLS may say http and mean itself.
func (h *Host) Locate(resp *http.Response, location string) (*url.URL, error) {
	from := resp.Request.URL
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return nil, refused(&guard.Error{Why: "it says to go on at what is no URL"})
	}
	if from.Scheme == "https" && to.Scheme == "http" && to.Host == from.Host {
		to.Scheme = "https"
	}
	to.User, to.Fragment = nil, ""
	return to, refused(h.trust.Redirect(from, to))
}

// Recall returns location, an absolute URL that Locate has returned in an earlier
// run, if it is still a place where that may go on.
func (h *Host) Recall(ctx context.Context, location string) (*url.URL, error) {
	base, err := h.origin(ctx)
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	to.User, to.Fragment = nil, ""
	return to, refused(h.trust.Redirect(base, to))
}
