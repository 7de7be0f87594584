package exe

import (
	"debug/elf"
	"encoding/binary"

	"github.com/dray-oci/dray/arch"
)

// A machine is how an architecture shows in an ELF header.
type machine struct {
	elf  elf.Machine
	is64 bool
	big  bool
	arch string // GOARCH
}

// machines of all platforms that ELF programs are made for.
func machines() []machine {
	return []machine{
		{elf.EM_X86_64, true, false, "amd64"},
		{elf.EM_X86_64, false, false, "amd64p32"},
		{elf.EM_386, false, false, "386"},
		{elf.EM_AARCH64, true, false, "arm64"},
		{elf.EM_AARCH64, true, true, "arm64be"},
		{elf.EM_ARM, false, false, "arm"},
		{elf.EM_ARM, false, true, "armbe"},
		{elf.EM_RISCV, true, false, "riscv64"},
		{elf.EM_RISCV, false, false, "riscv"},
		{elf.EM_S390, true, true, "s390x"},
		{elf.EM_S390, false, true, "s390"},
		{elf.EM_PPC64, true, false, "ppc64le"},
		{elf.EM_PPC64, true, true, "ppc64"},
		{elf.EM_PPC, false, true, "ppc"},
		{elf.EM_MIPS, true, true, "mips64"},
		{elf.EM_MIPS, true, false, "mips64le"},
		{elf.EM_MIPS, false, true, "mips"},
		{elf.EM_MIPS, false, false, "mipsle"},
		{elf.EM_LOONGARCH, true, false, "loong64"},
		{elf.EM_SPARCV9, true, true, "sparc64"},
		{elf.EM_SPARC, false, true, "sparc"},
	}
}

// Header returns the start of an ELF program for architecture (a GOARCH), as far as
// kernels look at it to choose a handler (binfmt_misc), or nil if there is none.
func Header(architecture string) []byte {
	for _, m := range machines() {
		if m.arch == architecture {
			return m.header()
		}
	}
	return nil
}

func (m machine) header() []byte {
	var order binary.ByteOrder = binary.LittleEndian
	class, data, size := elf.ELFCLASS32, elf.ELFDATA2LSB, 52
	if m.is64 {
		class, size = elf.ELFCLASS64, 64
	}
	if m.big {
		data, order = elf.ELFDATA2MSB, binary.BigEndian
	}
	h := make([]byte, size)
	copy(h, elf.ELFMAG)
	h[elf.EI_CLASS], h[elf.EI_DATA], h[elf.EI_VERSION] = byte(class), byte(data), byte(elf.EV_CURRENT)
	order.PutUint16(h[16:], uint16(elf.ET_EXEC))
	order.PutUint16(h[18:], uint16(m.elf))
	order.PutUint32(h[20:], uint32(elf.EV_CURRENT))
	return h
}

// target returns the platform that the header stands for.
func (p *elfPlan) target() (arch.Platform, bool) {
	for _, m := range machines() {
		if m.elf != p.header.machine || m.is64 != p.is64 || m.big != (p.order == binary.BigEndian) {
			continue
		}
		t := arch.Platform{OS: p.os(), Architecture: m.arch, Variant: p.variant()}
		if m.elf == elf.EM_MIPS && !p.is64 && p.header.flags&mipsN32 != 0 {
			t.Architecture = map[bool]string{true: "mips64p32", false: "mips64p32le"}[m.big]
		}
		return t, true
	}
	return arch.Platform{}, false
}

func (p *elfPlan) os() string {
	switch p.header.osabi {
	case elf.ELFOSABI_FREEBSD:
		return "freebsd"
	case elf.ELFOSABI_NETBSD:
		return "netbsd"
	case elf.ELFOSABI_OPENBSD:
		return "openbsd"
	case elf.ELFOSABI_SOLARIS:
		return "solaris"
	}
	return "linux"
}

// variant is the least that the file needs, as far as headers and notes tell.
func (p *elfPlan) variant() string {
	switch p.header.machine {
	case elf.EM_X86_64:
		return p.x86Level()
	case elf.EM_ARM:
		return p.armVariant()
	}
	return ""
}
