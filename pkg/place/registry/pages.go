package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/guard"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Bounds of a list that comes in pages.
const (
	maxPageBytes = 16 << 20
	maxPages     = 10_000
	maxNames     = 1_000_000 // of all pages
)

// pages reads a list page by page (distribution-spec: Listing tags). req asks for
// the next page, nil after the last.
type pages struct {
	h   *host
	req *wire.Request
	n   int
}

// next reads one page.
func (p *pages) next(ctx context.Context) ([]byte, error) {
	if p.n++; p.n > maxPages {
		return nil, fmt.Errorf("more than %d pages: %w", maxPages, place.ErrInvalid)
	}
	resp, err := p.h.Do(ctx, p.req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPageBytes+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if len(body) > maxPageBytes {
		return nil, fmt.Errorf("a page is larger than %d bytes: %w", maxPageBytes, place.ErrInvalid)
	}
	return body, p.turn(resp)
}

// turn sets what asks for the page after resp.
func (p *pages) turn(resp *http.Response) error {
	link := nextLink(resp.Header.Values("Link"))
	if link == "" {
		p.req = nil
		return nil
	}
	u, err := p.h.Locate(resp, link)
	if err != nil {
		return err
	}
	at := resp.Request.URL
	if !guard.SameOrigin(u, at) || u.String() == at.String() {
		return fmt.Errorf("the next page is elsewhere, or the same: %w", place.ErrInvalid)
	}
	next := *p.req
	next.URL = u
	p.req = &next
	return nil
}

// nextLink returns the target of the link with rel="next" (RFC 8288), or nothing.
func nextLink(headers []string) string {
	for _, h := range headers {
		for h != "" {
			_, rest, ok := strings.Cut(h, "<")
			target, rest, closed := strings.Cut(rest, ">")
			if !ok || !closed {
				break
			}
			params := rest
			if i := strings.IndexByte(rest, '<'); i >= 0 {
				params = rest[:i]
			}
			h = rest[len(params):]
			for param := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ',' }) {
				key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(strings.TrimSpace(key), "rel") && strings.EqualFold(strings.Trim(value, "\" \t"), "next") {
					return target
				}
			}
		}
	}
	return ""
}
