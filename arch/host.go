package arch

import (
	"runtime"
	"strconv"
)

// Machine is what this machine can run.
type Machine struct {
	// Platform is what runs here without help, with the level of the processor: linux/amd64/v3,
	// darwin/arm64, windows/amd64 with the build of Windows.
	Platform Platform
	// Translated says that this program is for amd64 and runs under Rosetta on an arm64 Mac;
	// Platform is then that of the Mac.
	Translated bool
}

// Host looks at the machine, anew at every call: the processor, /proc/cpuinfo on 32-bit ARM, the
// sysctl of Rosetta on a Mac, the version of Windows. It starts nothing and cannot fail: what
// cannot be found out is the lowest level. It reports the machine as this program sees it; an
// engine on another machine (DOCKER_HOST) may differ.
func Host() Machine {
	m := Machine{Platform: Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH, Variant: cpuVariant(), OSVersion: osVersion()}}
	if translated() {
		m.Translated = true
		m.Platform.Architecture, m.Platform.Variant = "arm64", ""
	}
	m.Platform = m.Platform.Normalize()
	return m
}

// Target is the platform that is taken by default: linux and the architecture of the machine,
// whatever system it runs. As with docker, the level of an amd64 or arm64 processor is left
// out, for an image that was saved here may run on an older machine; the variant of 32-bit ARM
// stays, for nothing higher runs.
func (m Machine) Target() Platform {
	p := Platform{OS: "linux", Architecture: m.Platform.Architecture}
	if p.Architecture == "arm" {
		p.Variant = m.Platform.Variant
	}
	return p.Normalize()
}

// Runner is the platform to judge by whether an image for Linux runs here: that of the machine
// where it runs Linux, else that of the virtual machine of its engine, which has the same
// processor.
func (m Machine) Runner() Platform {
	p := m.Platform
	p.OS, p.OSVersion, p.OSFeatures = "linux", "", ""
	return p.Normalize()
}

// IsVM reports whether images for Linux run in a virtual machine here: everywhere but on Linux.
func (m Machine) IsVM() bool {
	return m.Platform.OS != "linux"
}

// Notes says in sentences what a person should know about the machine; mostly there are none.
func (m Machine) Notes() []string {
	var notes []string
	if m.Translated {
		notes = append(notes, "this program is for amd64 and runs under Rosetta: the machine is "+m.Platform.Short())
	}
	if m.IsVM() {
		notes = append(notes, "images run in the Linux virtual machine of the engine on "+m.Platform.OS)
	}
	return notes
}

// x86Variant is the level of the x86-64 ABI; 0 is unknown.
func x86Variant(level int) string {
	if level < 1 {
		return ""
	}
	return "v" + strconv.Itoa(level)
}

// arm64Variant is the architecture version, no higher than the rules of matching know; major 0
// is unknown.
func arm64Variant(major, minor int) string {
	switch {
	case major < 8:
		return ""
	case major == 8:
		minor = min(minor, maxMinorV8)
	default:
		major, minor = 9, min(minor, maxMinorV9)
	}
	return "v" + strconv.Itoa(major) + "." + strconv.Itoa(minor)
}
