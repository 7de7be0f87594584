package blob

import (
	"context"
	"io"
	"os"
)

// strideBytes is how much the system copies at once: little enough that a cancelled
// run stops soon, and that progress shows.
const strideBytes = 4 << 20

// CopyRange has the system copy n bytes of r to dst, at offset, if r lies in a file
// (see [InFile]): they do not pass through this process, and where the file system
// can do that, both files share them. each is told of what came, in bytes; nil: nobody.
// It returns how many bytes were copied: fewer where the system cannot, or not
// further, and all the rest is then read as usual, which finds out why. An error is
// that of each, or the end of ctx.
func CopyRange(ctx context.Context, dst *os.File, offset int64, r io.Reader, n int64, each func(n int64) error) (copied int64, err error) {
	src, left := FileOf(r)
	n = min(n, left)
	for src != nil && copied < n {
		if err := context.Cause(ctx); err != nil {
			return copied, err
		}
		k := copyRange(dst, offset+copied, src, min(strideBytes, n-copied))
		if k <= 0 {
			break
		}
		Moved(r, k)
		copied += k
		if each == nil {
			continue
		}
		if err := each(k); err != nil {
			return copied, err
		}
	}
	return copied, nil
}
