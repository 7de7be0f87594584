package archive

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/tario"
)

// stands reports whether the file at path is the archive already, byte for byte.
// It is read once, for as long as known tells that it is still the same.
func (d *drawing) stands(ctx context.Context, path string, known *memo.Verified) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != d.size {
		return false
	}
	if known.Is(fi, d.name()) {
		return true
	}
	if !d.isDrawnIn(f) || !d.isFilledIn(ctx, f) {
		return false
	}
	known.Put(fi, d.name()) // of before it was read, so that no change goes unseen
	return true
}

// name is the drawing as memo.Verified takes it.
func (d *drawing) name() string { return "archive " + d.digest() }

// isDrawnIn reports whether f is like the drawing everywhere but in its slots.
func (d *drawing) isDrawnIn(f io.ReaderAt) bool {
	next := int64(0)
	for _, p := range d.parts {
		want := p.bytes()
		next = p.offset + int64(len(want))
		if p.slot != nil {
			pad := tario.Padding(p.slot.want.Size)
			next += p.slot.want.Size + pad
			if !isAt(f, next-pad, make([]byte, pad)) {
				return false
			}
		}
		if !isAt(f, p.offset, want) {
			return false
		}
	}
	return isAt(f, next, make([]byte, d.size-next))
}

func isAt(f io.ReaderAt, offset int64, want []byte) bool {
	got := make([]byte, len(want))
	_, err := f.ReadAt(got, offset)
	return (err == nil || err == io.EOF) && bytes.Equal(got, want)
}

// isFilledIn reports whether every slot of f has its content.
func (d *drawing) isFilledIn(ctx context.Context, f io.ReaderAt) bool {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, s := range d.slots {
		g.Go(func() error {
			r := blob.Verify(io.NopCloser(io.NewSectionReader(f, s.offset, s.want.Size)), s.want)
			_, err := blob.Copy(ctx, io.Discard, r)
			return err
		})
	}
	return g.Wait() == nil
}
