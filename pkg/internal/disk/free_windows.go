package disk

import (
	"math"

	"golang.org/x/sys/windows"
)

// Free returns how many bytes this user may still write below dir, and false if
// that cannot be known.
func Free(dir string) (int64, bool) {
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
