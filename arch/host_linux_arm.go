package arch

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxCPUInfoBytes is more than the first processor of any ARM takes.
const maxCPUInfoBytes = 1 << 20

func cpuVariant() string {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		uts = unix.Utsname{} // the name is only the second source
	}
	return armVariant(readCPUInfo(), unix.ByteSliceToString(uts.Machine[:]))
}

// readCPUInfo returns nothing where /proc is not mounted.
func readCPUInfo() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCPUInfoBytes))
	if err != nil {
		return ""
	}
	return string(data)
}
