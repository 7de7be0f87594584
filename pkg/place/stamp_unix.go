//go:build unix

package place

import (
	"io/fs"
	"syscall"
)

// inode tells a file from the one that it has just replaced.
func inode(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino) // not uint64 everywhere
	}
	return 0
}
