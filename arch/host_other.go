//go:build !darwin && !windows

package arch

func translated() bool {
	return false
}

func osVersion() string {
	return ""
}
