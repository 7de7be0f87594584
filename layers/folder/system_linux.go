package folder

import (
	"archive/tar"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dray-oci/dray/layers/merge"
)

// makeDevice makes a device or a pipe in dir.
func makeDevice(dir *os.File, base string, f *merge.File) error {
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK, tar.TypeFifo: unix.S_IFIFO}[f.Type]
	dev := 0
	if f.Type != tar.TypeFifo {
		dev = int(unix.Mkdev(uint32(f.Devmajor), uint32(f.Devminor)))
	}
	return unix.Mknodat(int(dir.Fd()), base, kind|0o600, dev)
}

// linkTime sets the time of a symlink itself.
func linkTime(dir *os.File, base string, at time.Time) error {
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		return nil // beyond what the system can hold
	}
	return unix.UtimesNanoAt(int(dir.Fd()), base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

func setXattr(f *os.File, name, value string) error {
	return unix.Fsetxattr(int(f.Fd()), name, []byte(value), 0)
}

// maxXattrBytes is what Linux allows for the names, and for each value.
const maxXattrBytes = 64 << 10

// xattrs returns the attributes of f that belong into a layer: not those by which
// this machine labels files.
func xattrs(f *os.File) (map[string]string, error) {
	buf := make([]byte, maxXattrBytes)
	n, err := unix.Flistxattr(int(f.Fd()), buf)
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found map[string]string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if name == "security.selinux" || name == "system.nfs4_acl" || strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		value := make([]byte, maxXattrBytes)
		n, err := unix.Fgetxattr(int(f.Fd()), name, value)
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = map[string]string{}
		}
		found[xattrPrefix+name] = string(value[:n])
	}
	return found, nil
}

// idOf tells files with several names apart.
func idOf(fi os.FileInfo) (id ID, shared bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return ID{}, false
	}
	return ID{uint64(st.Dev), st.Ino}, st.Nlink > 1
}
