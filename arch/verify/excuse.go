package verify

import (
	"path"
	"slices"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/exe"
)

// isExcused reports whether a program for another machine is no sign of a wrong image:
// honest images carry cross compilers, launchers for Windows in Python packages, modules
// of Node for every system, test data and firmware. Nothing that the image starts is
// excused, and nothing is when there is no program for the right machine.
func isExcused(claim arch.Platform, p program) bool {
	f := p.Node.Exe
	switch {
	case f.Kind == exe.Other, p.target.OS == "": // relocatable, or for no platform: GPU, BPF, firmware
		return true
	case p.target.OS != claim.Normalize().OS:
		return true
	case claim.Normalize().OS != "windows" && !p.Node.IsExecutable() && !isSharedObject(p.Path):
		return true
	}
	return isNamedFor(p.Path, p.target)
}

// isSharedObject: libx.so, libx.so.1, module.node.
func isSharedObject(p string) bool {
	base := path.Base(p)
	return strings.HasSuffix(base, ".so") || strings.Contains(base, ".so.") || strings.HasSuffix(base, ".node")
}

// isNamedFor reports whether the path says itself for which machine the file is, as in
// /usr/lib/aarch64-linux-gnu or prebuilds/linux-arm64, or that it is test data.
func isNamedFor(p string, t arch.Platform) bool {
	p = strings.ToLower(p)
	words := strings.FieldsFunc(p, func(r rune) bool { return strings.ContainsRune("/-_.", r) })
	if slices.Contains(words, "testdata") || slices.Contains(words, "firmware") {
		return true
	}
	for _, name := range otherNames(t.Normalize().Architecture) {
		if strings.ContainsAny(name, "-_") && strings.Contains(p, name) || slices.Contains(words, name) {
			return true
		}
	}
	return false
}

// otherNames are the words for an architecture in the names of folders and files.
func otherNames(architecture string) []string {
	return append([]string{architecture}, map[string][]string{
		"amd64":    {"x86_64", "x86-64", "x64"},
		"386":      {"i386", "i486", "i586", "i686", "x86", "ia32", "lib32"},
		"arm64":    {"aarch64", "armv8"},
		"arm":      {"armv5", "armv6", "armv7", "armv7l", "armv6l", "armhf", "armel", "arm32", "gnueabihf", "gnueabi", "musleabihf"},
		"ppc64le":  {"powerpc64le", "ppc64el"},
		"ppc64":    {"powerpc64"},
		"ppc":      {"powerpc"},
		"riscv64":  {"riscv64gc"},
		"loong64":  {"loongarch64"},
		"mipsle":   {"mipsel"},
		"mips64le": {"mips64el"},
		"s390x":    {"s390"},
	}[architecture]...)
}
