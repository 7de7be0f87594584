//go:build linux || darwin

package archive

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeSpace returns how many bytes an ordinary user may still write below dir.
func freeSpace(dir string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}

// allocated returns how many bytes of disk a file has, which with holes are few.
func allocated(fi os.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return 0
}
