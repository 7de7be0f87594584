package archive

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// freeSpace returns how many bytes this user may still write below dir.
func freeSpace(dir string) (int64, bool) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, false
	}
	return int64(min(free, math.MaxInt64)), true
}

// allocated returns the size of a file: without being asked to, Windows makes no holes.
func allocated(fi os.FileInfo) int64 { return fi.Size() }
