package encoder

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// Encode writes the blob to w, as [Recipe.NewWriter] does, from a tar of size
// bytes. It works on jobs cores, 0 meaning all, where the recipe has checkpoints
// or its encoder works in blocks; every job takes up to twice maxSegmentBytes of
// memory. The tar is read by several jobs at once, and each byte about once.
func (r Recipe) Encode(ctx context.Context, w io.Writer, tar io.ReaderAt, size int64, jobs int) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if size != r.Size {
		return fmt.Errorf("%w: the tar has %d bytes, not %d", ErrRecipe, size, r.Size)
	}
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	if p := r.pieces(tar); p != nil && p.count > 1 && jobs > 1 {
		return r.join(ctx, w, p, jobs)
	}
	z, err := r.NewWriter(w)
	if err != nil {
		return err
	}
	if err := copyAll(ctx, z, io.NewSectionReader(tar, 0, size)); err != nil {
		return err
	}
	return z.Close()
}

// pieces returns what of r can be made independently, or nil.
func (r Recipe) pieces(tar io.ReaderAt) *pieces {
	e, err := engineOf(r)
	if err != nil {
		return nil
	}
	if e, ok := e.(splitter); ok {
		return e.pieces(r, tar)
	}
	return nil
}

// join makes the pieces on several cores and writes them in order.
func (r Recipe) join(ctx context.Context, w io.Writer, p *pieces, jobs int) error {
	if _, err := w.Write(r.Header); err != nil {
		return err
	}
	sum, err := p.run(ctx, w, jobs)
	if err != nil || r.Wrap != Gzip {
		return err
	}
	_, err = w.Write(gzipTrailer(sum, r.Size))
	return err
}
