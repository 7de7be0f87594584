//go:build !windows

package daemon

import (
	"context"
	"fmt"
	"net"

	"github.com/dray-oci/dray/pkg/place"
)

func dialPipe(_ context.Context, path string) (net.Conn, error) {
	return nil, fmt.Errorf("%s: named pipes are a thing of Windows: %w", path, place.ErrUnsupported)
}
