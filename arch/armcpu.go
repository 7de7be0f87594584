package arch

import "strings"

// armVariant reads the variant of a 32-bit ARM from /proc/cpuinfo and, where that says nothing
// (under emulation it shows another processor), from the machine name of uname; v5, the lowest
// that Go runs on, if neither says anything. The rules are those of containerd, its exception
// for the ARMv6 boards of Raspberry included: their kernel calls them architecture 7.
func armVariant(cpuinfo, machine string) string {
	version := cpuinfoField(cpuinfo, "cpu architecture")
	if version == "" {
		version = strings.TrimPrefix(strings.ToLower(machine), "armv")
	}
	if version == "7" && strings.HasPrefix(cpuinfoField(cpuinfo, "model name"), "armv6-compatible") {
		return "v6"
	}
	switch {
	case version == "aarch64", strings.HasPrefix(version, "8"):
		return "v8"
	case strings.HasPrefix(version, "7"), strings.HasPrefix(version, "?(1"): // an unknown one above 11 is 7 or newer
		return "v7"
	case strings.HasPrefix(version, "6"):
		return "v6"
	}
	return "v5"
}

// cpuinfoField returns the first value of a field in lower case: the first processor speaks for
// all.
func cpuinfoField(cpuinfo, name string) string {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.ToLower(strings.TrimSpace(value))
		}
	}
	return ""
}
