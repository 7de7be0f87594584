package arch

import (
	"fmt"

	"golang.org/x/sys/windows"
)

func translated() bool {
	return false
}

// osVersion is the true version, not the one that Windows tells to old programs.
func osVersion() string {
	major, minor, build := windows.RtlGetNtVersionNumbers()
	return fmt.Sprintf("%d.%d.%d", major, minor, build)
}
