package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func reserve(f *os.File, size int64) error {
	if inMemory(f) {
		return f.Truncate(size)
	}
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

// inMemory reports whether f lies in a tmpfs, where reserving is no note in a
// table: it clears every page, 0.3 s for each GB, before the first byte can come.
func inMemory(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && int64(st.Type) == unix.TMPFS_MAGIC
}
