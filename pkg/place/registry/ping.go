package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Ping verifies cred against the registry at host, and shares nothing with other
// requests. It returns place.ErrDenied if the registry refuses it. A registry
// that demands nothing takes everybody.
func (c *Client) Ping(ctx context.Context, host string, cred Credential) error {
	o := c.o.wire()
	o.Credentials = func(context.Context, string, string) (Credential, error) { return cred, nil }
	h := wire.NewHost(o, host)
	defer h.Close()
	resp, err := h.Do(ctx, &wire.Request{Method: http.MethodGet, Path: "/v2/"})
	if err == nil {
		err = errors.Join(err, resp.Body.Close())
	}
	if err != nil {
		return fmt.Errorf("logging in to %s: %w", host, err)
	}
	return nil
}
