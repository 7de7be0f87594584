package arch

import "github.com/klauspost/cpuid/v2"

func cpuVariant() string {
	return x86Variant(cpuid.CPU.X64Level())
}
