package main

import (
	"debug/elf"
	"encoding/binary"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A program is one platform's /hello.
type program struct {
	platform   v1.Platform
	machine    elf.Machine
	flags      uint32
	attributes []byte // the section .ARM.attributes, if there is one
	code       func(n uint32) []byte
}

// programs are in the order of the index.
func programs() []program {
	return []program{
		{
			platform: v1.Platform{OS: "linux", Architecture: "amd64"},
			machine:  elf.EM_X86_64,
			code:     amd64Code,
		},
		{
			platform: v1.Platform{OS: "linux", Architecture: "arm64"},
			machine:  elf.EM_AARCH64,
			code:     arm64Code,
		},
		{
			platform:   v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"},
			machine:    elf.EM_ARM,
			flags:      0x05000400, // EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_HARD, as on Debian's armhf
			attributes: armAttributes(),
			code:       armCode,
		},
	}
}

func (p program) message() string {
	return "hello from " + p.platform.String() + "\n"
}

// armAttributes says that the program is for ARMv7-A, as a linker would
// ("Addenda to, and Errata in, the ABI for the Arm Architecture", section 3).
func armAttributes() []byte {
	const (
		tagFile                        = 1
		tagCPUArch, v7                 = 6, 10
		tagCPUArchProfile, application = 7, 'A'
		tagARMISAUse, yes              = 8, 1
		tagABIVFPArgs, inRegisters     = 28, 1
	)
	le := binary.LittleEndian.AppendUint32
	pairs := []byte{tagCPUArch, v7, tagCPUArchProfile, application, tagARMISAUse, yes, tagABIVFPArgs, inRegisters}
	file := le([]byte{tagFile}, uint32(1+4+len(pairs))) // a length counts its own tag and itself
	file = append(file, pairs...)
	vendor := "aeabi\x00"
	section := le([]byte{'A'}, uint32(4+len(vendor)+len(file)))
	return append(append(section, vendor...), file...)
}
