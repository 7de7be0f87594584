package archive

import (
	"context"
	"io"
	"os"

	"github.com/dray-oci/dray/pkg/blob"
)

// takeFile has the system copy the blob if rc is a file that is known to hold it: then
// no byte of it passes here, and none is hashed a second time. It does not share
// blocks with that file, as members of a tar begin where no block does. Where the
// system cannot, or the file changes meanwhile, what came is hashed, and the rest is
// for the usual way.
func (b *incoming) takeFile(ctx context.Context, rc io.Reader) error {
	src, left := blob.FileOf(rc)
	if b.n > 0 || b.want.Size == 0 || left != b.want.Size || !b.isKnown(src) {
		return nil
	}
	dst, at, room := b.p.file.At(b.at)
	if dst == nil || room < left {
		return nil
	}
	_, err := blob.CopyRange(ctx, dst, at, rc, left, b.came)
	b.taken = err == nil && b.n == b.want.Size && b.isKnown(src)
	b.v = nil // it has seen nothing of it
	if err == nil && !b.taken {
		err = b.rehash(ctx)
	}
	return err
}

// isKnown reports whether f is the blob and nothing else.
func (b *incoming) isKnown(f *os.File) bool {
	if f == nil {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Size() == b.want.Size && b.p.verified.Is(fi, b.want.Digest.String())
}
