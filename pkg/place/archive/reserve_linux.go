package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func reserve(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == nil:
			return f.Truncate(size)
		case errors.Is(err, errors.ErrUnsupported):
			return f.Truncate(size) // as NFS before 4.2, which finds out by writing
		case !errors.Is(err, unix.EINTR):
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		}
	}
}

// flush has the system begin to write n bytes from offset on to the disk, so that
// there is less to wait for in the end. It is no promise, and so has no error.
func flush(f *os.File, offset, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
}
