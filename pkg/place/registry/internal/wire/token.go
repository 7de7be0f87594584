package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
)

// fetchToken asks the token server that the registry named. A password is shown
// to it if it has the registry's own origin, or proves by https who it is: that
// the registry trusts it with its users is the registry's to say.
func (h *Host) fetchToken(ctx context.Context, t auth.TokenRequest) ([]byte, error) {
	base, err := h.origin(ctx)
	if err != nil {
		return nil, err
	}
	if err := refused(h.trust.Realm(base, t.URL)); err != nil {
		return nil, err
	}
	r := &Request{Method: http.MethodGet}
	if t.Form != nil {
		form := []byte(t.Form.Encode())
		r = &Request{
			Method: http.MethodPost, Size: int64(len(form)),
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			Body:   func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(form)), nil },
		}
	}
	return h.askToken(ctx, r, t)
}

func (h *Host) askToken(ctx context.Context, r *Request, t auth.TokenRequest) ([]byte, error) {
	exchange := h.follow
	if t.Form != nil {
		exchange = h.send // a form holds the secret itself: it goes nowhere else
	}
	resp, err := exchange(ctx, r, t.URL, r.header(t.Basic))
	if err != nil {
		return nil, err
	}
	if resp, err = h.judge(resp, true); err != nil {
		return nil, err
	}
	hurry(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, auth.MaxTokenBytes+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if len(body) > auth.MaxTokenBytes {
		return nil, fmt.Errorf("the answer is larger than %d bytes: %w", auth.MaxTokenBytes, place.ErrInvalid)
	}
	return body, nil
}
