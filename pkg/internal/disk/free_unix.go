//go:build linux || darwin

package disk

import "golang.org/x/sys/unix"

// Free returns how many bytes an ordinary user may still write below dir, and false
// if that cannot be known.
func Free(dir string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 { // some FUSE file systems do not say
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
