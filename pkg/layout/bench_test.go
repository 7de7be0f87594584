package layout_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
)

// Many small blobs: what each costs beside its bytes does not grow with their number.
func BenchmarkPutBlob(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				d := layout.Dir{Path: b.TempDir()}
				g, ctx := errgroup.WithContext(b.Context())
				g.SetLimit(4)
				for i := range n {
					content := binary.BigEndian.AppendUint32(make([]byte, 1000), uint32(i))
					g.Go(func() error {
						return d.PutBlob(ctx, manifest.Describe("application/octet-stream", content), blob.Bytes(content))
					})
				}
				if err := g.Wait(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/blob")
		})
	}
}
