package exetest

import (
	"debug/elf"
	"encoding/binary"
)

// An ELFSpec says what [ELF] makes; the zero value is a static program for amd64.
type ELFSpec struct {
	Machine elf.Machine // zero is amd64
	Is32    bool
	Big     bool
	Type    elf.Type // zero is ET_EXEC
	OSABI   elf.OSABI
	Flags   uint32
	Interp  string
	Needed  []string
	Level   int // x86-64 level that a note says is needed; 0 is no note
	Pad     int // bytes between the string table and what follows
}

// ELF returns a file that has what the spec says and no code: headers, interpreter,
// string table, note and, last as in real ones, the dynamic section.
func ELF(s ELFSpec) []byte {
	b := newBuilder(s)
	names, offsets := []byte{0}, []uint64{}
	for _, n := range s.Needed {
		offsets = append(offsets, uint64(len(names)))
		names = append(append(names, n...), 0)
	}
	if s.Interp != "" {
		b.add(elf.PT_INTERP, 1, append([]byte(s.Interp), 0))
	}
	strtab := b.add(elf.PT_NULL, 1, names)
	b.data = append(b.data, make([]byte, s.Pad)...)
	if s.Level > 0 {
		b.add(elf.PT_NOTE, 8, b.note(uint32(1)<<(s.Level-1)))
	}
	if len(s.Needed) > 0 {
		var dyn []byte
		for _, off := range offsets {
			dyn = b.pair(dyn, uint64(elf.DT_NEEDED), off)
		}
		dyn = b.pair(dyn, uint64(elf.DT_STRTAB), base+strtab)
		b.add(elf.PT_DYNAMIC, 8, b.pair(dyn, uint64(elf.DT_NULL), 0))
	}
	return b.file()
}

const base = 0x10000 // address of the first byte

type builder struct {
	s     ELFSpec
	order binary.AppendByteOrder
	data  []byte // what follows the headers
	progs []prog
}

type prog struct {
	typ       elf.ProgType
	off, size uint64
	align     uint64
}

const maxProgs = 6

func newBuilder(s ELFSpec) *builder {
	b := &builder{s: s, order: binary.LittleEndian}
	if s.Machine == 0 {
		b.s.Machine = elf.EM_X86_64
	}
	if s.Type == 0 {
		b.s.Type = elf.ET_EXEC
	}
	if s.Big {
		b.order = binary.BigEndian
	}
	return b
}

// sizes are those of the file header, a program header and an address.
func (b *builder) sizes() (header, prog, word uint64) {
	if b.s.Is32 {
		return 52, 32, 4
	}
	return 64, 56, 8
}

func (b *builder) add(typ elf.ProgType, align uint64, data []byte) (off uint64) {
	header, size, _ := b.sizes()
	start := header + maxProgs*size
	for (start+uint64(len(b.data)))%align != 0 {
		b.data = append(b.data, 0)
	}
	off = start + uint64(len(b.data))
	b.data = append(b.data, data...)
	if typ != elf.PT_NULL {
		b.progs = append(b.progs, prog{typ, off, uint64(len(data)), align})
	}
	return off
}

func (b *builder) word(p []byte, v uint64) []byte {
	if b.s.Is32 {
		return b.u32(p, uint32(v))
	}
	return b.order.AppendUint64(p, v)
}

func (b *builder) pair(p []byte, tag, value uint64) []byte { return b.word(b.word(p, tag), value) }
func (b *builder) u16(p []byte, v uint16) []byte           { return b.order.AppendUint16(p, v) }
func (b *builder) u32(p []byte, v uint32) []byte           { return b.order.AppendUint32(p, v) }

// note is .note.gnu.property with the x86 level that is needed.
func (b *builder) note(bits uint32) []byte {
	n := b.u32(b.u32(b.u32(nil, 4), 16), 5)
	n = append(n, "GNU\x00"...)
	n = b.u32(b.u32(b.u32(n, 0xc0008002), 4), bits)
	return append(n, 0, 0, 0, 0)
}

func (b *builder) file() []byte {
	header, size, _ := b.sizes()
	total := header + maxProgs*size + uint64(len(b.data))
	b.progs = append(b.progs, prog{elf.PT_LOAD, 0, total, 0x1000})
	class, data := elf.ELFCLASS64, elf.ELFDATA2LSB
	if b.s.Is32 {
		class = elf.ELFCLASS32
	}
	if b.s.Big {
		data = elf.ELFDATA2MSB
	}
	p := append([]byte(elf.ELFMAG), byte(class), byte(data), byte(elf.EV_CURRENT), byte(b.s.OSABI), 0, 0, 0, 0, 0, 0, 0, 0)
	p = b.u32(b.u16(b.u16(p, uint16(b.s.Type)), uint16(b.s.Machine)), uint32(elf.EV_CURRENT))
	p = b.word(b.word(b.word(p, base), header), 0)
	p = b.u32(p, b.s.Flags)
	for _, v := range []uint64{header, size, uint64(len(b.progs)), 0, 0, 0} {
		p = b.u16(p, uint16(v))
	}
	for _, g := range b.progs {
		p = b.prog(p, g)
	}
	p = append(p, make([]byte, uint64(maxProgs-len(b.progs))*size)...)
	return append(p, b.data...)
}

func (b *builder) prog(p []byte, g prog) []byte {
	p = b.u32(p, uint32(g.typ))
	if !b.s.Is32 {
		p = b.u32(p, uint32(elf.PF_R))
	}
	for _, v := range []uint64{g.off, base + g.off, base + g.off, g.size, g.size} {
		p = b.word(p, v)
	}
	if b.s.Is32 {
		p = b.u32(p, uint32(elf.PF_R))
	}
	return b.word(p, g.align)
}
