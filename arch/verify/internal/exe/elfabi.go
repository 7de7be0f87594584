package exe

import "debug/elf"

// Flags of e_flags, from the psABI documents and binutils' include/elf.
const (
	armEABI      = 0xff000000
	armHardFloat = 0x00000400
	armSoftFloat = 0x00000200

	mipsN32      = 0x00000020
	mipsNaN2008  = 0x00000400
	mipsArch     = 0xf0000000
	mipsArch32R6 = 0x90000000
	mipsArch64R6 = 0xa0000000

	riscvFloat = 0x6
	riscvRVE   = 0x8

	ppc64ABI = 0x3

	loongFloat = 0x7
)

// abi returns what has to be the same in a program and what it loads, where the
// machine alone does not say it. It is empty where there is nothing to say.
func (p *elfPlan) abi() string {
	switch flags := p.header.flags; p.header.machine {
	case elf.EM_ARM:
		return armABI(flags)
	case elf.EM_RISCV:
		return riscvABI(flags)
	case elf.EM_MIPS:
		return mipsABI(flags)
	case elf.EM_PPC64:
		return [...]string{"", "ELFv1", "ELFv2", ""}[flags&ppc64ABI]
	case elf.EM_LOONGARCH:
		return [...]string{"", "soft float", "single float", "double float", "", "", "", ""}[flags&loongFloat]
	}
	return ""
}

// armABI: libraries may leave the float flags out, and then fit both.
func armABI(flags uint32) string {
	switch {
	case flags&armEABI == 0:
		return "OABI"
	case flags&armHardFloat != 0:
		return "hard float"
	case flags&armSoftFloat != 0:
		return "soft float"
	}
	return ""
}

func riscvABI(flags uint32) string {
	if flags&riscvRVE != 0 {
		return "RV32E"
	}
	return [...]string{"soft float", "single float", "double float", "quad float"}[flags&riscvFloat>>1]
}

func mipsABI(flags uint32) string {
	abi := "legacy NaN"
	if flags&mipsNaN2008 != 0 {
		abi = "NaN 2008"
	}
	if a := flags & mipsArch; a == mipsArch32R6 || a == mipsArch64R6 {
		abi += ", release 6"
	}
	return abi
}

// armVariant: the attributes if they are there; else hard float tells of v6 at least,
// for there is no platform of v5 with it.
func (p *elfPlan) armVariant() string {
	if v := p.armAttribute(); v != "" {
		return v
	}
	if p.header.flags&armEABI != 0 && p.header.flags&armHardFloat != 0 {
		return "v6"
	}
	return ""
}
