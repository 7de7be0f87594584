package arch

import "github.com/klauspost/cpuid/v2"

// cpuVariant: cpuid reads the auxiliary vector on Linux and the sysctls on a Mac.
func cpuVariant() string {
	return arm64Variant(cpuid.CPU.ARM64Level())
}
