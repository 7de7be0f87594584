package verify

import (
	"bytes"
	"context"
	"fmt"

	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/layers/toc"
	"github.com/dray-oci/dray/pkg/place"
)

// readTOC makes the table of l from its table of contents, read by range requests. After
// an error the layer has to be read whole.
func (lr *layerReader) readTOC(ctx context.Context, l *layer) error {
	if _, ok := place.As[place.Ranger](lr.src); !ok {
		return toc.ErrNone
	}
	raw, err := toc.Read(ctx, place.Opener(lr.src, l.d), l.d)
	if err != nil {
		return err
	}
	table, err := rootfs.ReadTOC(bytes.NewReader(raw), &lr.budget)
	if err != nil {
		return fmt.Errorf("%w: %w", toc.ErrNone, err)
	}
	l.table, l.listed = table, true
	return nil
}
