package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// WriteBack has the system begin to write n bytes of f from offset on to the
// disk, without waiting for it. It is no promise, and so has no error: Sync has.
func WriteBack(f *os.File, offset, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
}
