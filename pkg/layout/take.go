package layout

import (
	"context"
	"io"
	"os"

	"github.com/dray-oci/dray/pkg/blob"
)

// take has the system copy the content to f, which is empty, if rc is a file: where the
// file system can do that, both share it, and nothing is written. What came is then
// read for v, unless that file is known to hold the content, and all of it came.
func (p *partial) take(ctx context.Context, f *os.File, v *blob.Verifier, rc io.Reader) error {
	src, left := blob.FileOf(rc)
	if src == nil || left != p.want.Size {
		return nil
	}
	p.known = p.isKnown(src)
	_, err := blob.CopyRange(ctx, f, 0, rc, left, func(n int64) error {
		blob.WriteBack(f, p.read, n)
		p.read += n
		return nil
	})
	p.known = p.known && err == nil && p.read == left && p.isKnown(src)
	if err != nil || p.known || p.read == 0 {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = blob.Copy(ctx, v, f) // to its end, where the rest goes
	return err
}

// isKnown reports whether f is the content and nothing else.
func (p *partial) isKnown(f *os.File) bool {
	fi, err := f.Stat()
	return err == nil && fi.Size() == p.want.Size && p.dir.Verified.Is(fi, p.want.Digest.String())
}
