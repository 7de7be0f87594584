package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// copyRange returns how many of n bytes were copied from the position of src on, which
// it moves; nothing if that cannot be.
func copyRange(dst *os.File, offset int64, src *os.File, n int64) int64 {
	for {
		k, err := unix.CopyFileRange(int(src.Fd()), nil, int(dst.Fd()), &offset, int(n), 0)
		if !errors.Is(err, unix.EINTR) {
			return int64(k)
		}
	}
}
