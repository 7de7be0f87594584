package mem

import (
	"bytes"
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

var _ place.Filer = (*Place)(nil)

// OpenFile opens the content with digest h.
func (p *Place) OpenFile(_ context.Context, h v1.Hash) (place.File, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	b, ok := p.blobs[h]
	if !ok {
		return nil, fmt.Errorf("%s: %w", h, place.ErrNotFound)
	}
	return place.FileAt(bytes.NewReader(b), 0, int64(len(b))), nil
}
