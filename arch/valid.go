package arch

import (
	"fmt"
	"slices"
)

// Valid says why there is no such platform: an operating system or an architecture that no one
// builds for, a variant that its architecture does not have (linux/arm64/v7), or two that never
// go together (windows/s390x). It judges the normalised form. A variant of an architecture
// whose variants are not listed passes.
func (p Platform) Valid() error {
	n := p.Normalize()
	switch {
	case n.OS == "" || n.Architecture == "":
		return fmt.Errorf("platform %s: the operating system or the architecture is missing", p)
	case !isKnownOS(n.OS):
		return fmt.Errorf("platform %s: there is no operating system %s", p, printable(n.OS))
	case !isKnownArchitecture(n.Architecture):
		return fmt.Errorf("platform %s: there is no architecture %s", p, printable(n.Architecture))
	case !n.goTogether():
		return fmt.Errorf("platform %s: %s does not run on %s", p, n.OS, n.Architecture)
	case n.Variant != "" && !n.knownVariant():
		return fmt.Errorf("platform %s: there is no variant %s of %s", p, printable(n.Variant), n.Architecture)
	}
	return nil
}

// isKnownOS: GOOS of go/build/syslist.go, and wasi, which Docker writes for WebAssembly.
func isKnownOS(os string) bool {
	switch os {
	case "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl",
		"netbsd", "openbsd", "plan9", "solaris", "wasi", "wasip1", "windows", "zos":
		return true
	}
	return false
}

// isKnownArchitecture: GOARCH of go/build/syslist.go, and wasm32, which Docker wrote at first.
func isKnownArchitecture(architecture string) bool {
	switch architecture {
	case "386", "amd64", "amd64p32", "arm", "arm64", "arm64be", "armbe", "loong64", "mips", "mips64", "mips64le",
		"mips64p32", "mips64p32le", "mipsle", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x",
		"sparc", "sparc64", "wasm", "wasm32":
		return true
	}
	return false
}

// goTogether says no only where it is sure.
func (p Platform) goTogether() bool {
	isWasm := p.Architecture == "wasm" || p.Architecture == "wasm32"
	switch p.OS {
	case "windows":
		return slices.Contains([]string{"386", "amd64", "arm", "arm64"}, p.Architecture)
	case "darwin":
		return slices.Contains([]string{"386", "amd64", "arm", "arm64", "ppc", "ppc64"}, p.Architecture)
	case "js", "wasi", "wasip1":
		return isWasm
	}
	return !isWasm || p.OS == "linux" // some tools label WebAssembly linux/wasm
}

// knownVariant knows the variants that have an order: Go's (GOAMD64, GOARM, GOARM64), and
// arm/v8, a 32-bit program on a 64-bit processor. The variant must not be empty.
func (p Platform) knownVariant() bool {
	major, minor := p.variantNumber()
	switch p.Architecture {
	case "386":
		return false
	case "amd64":
		return major >= 1 && major <= 4 && minor < 0
	case "arm":
		return major >= 5 && major <= 8 && minor < 0
	case "arm64":
		return major == 8 && minor <= maxMinorV8 || major == 9 && minor <= maxMinorV9
	}
	return true
}

// The newest extensions that containerd's table has.
const (
	maxMinorV8 = 9
	maxMinorV9 = 7
)

// variantNumber reads "v8" as 8, -1 and "v8.2" as 8, 2, single digits only, and no variant as
// the one that it stands for; 0, -1 is neither.
func (p Platform) variantNumber() (major, minor int) {
	s := p.Variant
	digit := func(i int) bool { return s[i] >= '0' && s[i] <= '9' }
	switch {
	case s == "" && p.Architecture == "amd64":
		return 1, -1
	case s == "" && p.Architecture == "arm64":
		return 8, -1
	case len(s) == 2 && s[0] == 'v' && digit(1):
		return int(s[1] - '0'), -1
	case len(s) == 4 && s[0] == 'v' && digit(1) && s[2] == '.' && digit(3):
		return int(s[1] - '0'), int(s[3] - '0')
	}
	return 0, -1
}
