package arch

import "golang.org/x/sys/unix"

// translated asks what Apple documents for this question ("About the Rosetta translation
// environment"); on an Intel Mac the name is unknown.
func translated() bool {
	value, err := unix.SysctlUint32("sysctl.proc_translated")
	return err == nil && value == 1
}

func osVersion() string {
	return ""
}
