//go:build linux || darwin

package archive

import (
	"os"
	"syscall"
)

// allocated returns how many bytes of disk a file has, which with holes are few.
func allocated(fi os.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return 0
}
