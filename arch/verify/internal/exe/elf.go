package exe

import (
	"debug/elf"
	"encoding/binary"

	"github.com/dray-oci/dray/arch"
)

// Bounds on the parts of an ELF file. Program headers: what Linux takes (64 KiB).
const (
	maxPhdrBytes    = 64 << 10
	maxInterpBytes  = 4096
	maxDynamicBytes = 64 << 10
	maxNoteBytes    = 64 << 10
	maxNeeded       = 1024
	maxNameBytes    = 1024
	tailBytes       = 64 << 10 // where the section headers and the attributes of ARM stand
)

// An elfPlan is an ELF file whose headers are read and whose other parts are asked for.
type elfPlan struct {
	w      *window
	order  binary.ByteOrder
	is64   bool
	header elfHeader
	progs  []elfProg
}

// elfHeader is what is needed of the file header (elf(5), Elf64_Ehdr).
type elfHeader struct {
	osabi          elf.OSABI
	typ            elf.Type
	machine        elf.Machine
	flags          uint32
	phoff, shoff   int64
	phentsize      int64
	phnum          int64
	shentsize      int64
	shnum          int64
	headerSizeSeen bool
}

// elfProg is a program header (Elf64_Phdr).
type elfProg struct {
	typ         elf.ProgType
	flags       elf.ProgFlag
	off, filesz int64
	vaddr       uint64
	align       uint64
}

func planELF(w *window) *elfPlan {
	p := &elfPlan{w: w}
	if !p.readHeader() {
		return p
	}
	p.readProgs()
	for _, g := range p.progs {
		switch g.typ {
		case elf.PT_INTERP:
			w.want(g.off, min(g.filesz, maxInterpBytes))
		case elf.PT_DYNAMIC:
			w.want(g.off, min(g.filesz, maxDynamicBytes))
		case elf.PT_NOTE:
			w.want(g.off, min(g.filesz, maxNoteBytes))
		case elf.PT_LOAD:
			if g.flags&elf.PF_W != 0 && g.flags&elf.PF_X == 0 {
				w.look(g.off, g.filesz)
			}
		}
	}
	if p.header.machine == elf.EM_ARM && p.header.shoff > 0 {
		tail := max(0, w.size-tailBytes)
		w.want(tail, w.size-tail)
	}
	return p
}

func (p *elfPlan) readHeader() bool {
	ident, ok := p.w.at(0, elf.EI_NIDENT)
	if !ok {
		return false
	}
	switch elf.Data(ident[elf.EI_DATA]) {
	case elf.ELFDATA2LSB:
		p.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		p.order = binary.BigEndian
	default:
		return false
	}
	switch elf.Class(ident[elf.EI_CLASS]) {
	case elf.ELFCLASS64:
		p.is64 = true
	case elf.ELFCLASS32:
	default:
		return false
	}
	p.header.osabi = elf.OSABI(ident[elf.EI_OSABI])
	return p.readRest()
}

// readRest reads what follows the identification: from the entry on, three fields
// have the size of an address.
func (p *elfPlan) readRest() bool {
	size, word := int64(52), 4
	if p.is64 {
		size, word = 64, 8
	}
	raw, ok := p.w.at(0, size)
	if !ok {
		return false
	}
	h, u16 := &p.header, p.order.Uint16
	h.typ, h.machine = elf.Type(u16(raw[16:])), elf.Machine(u16(raw[18:]))
	h.phoff, h.shoff = p.word(raw[24+word:]), p.word(raw[24+2*word:])
	rest := raw[24+3*word:]
	h.flags = p.order.Uint32(rest)
	h.phentsize, h.phnum = int64(u16(rest[6:])), int64(u16(rest[8:]))
	h.shentsize, h.shnum = int64(u16(rest[10:])), int64(u16(rest[12:]))
	h.headerSizeSeen = true
	return true
}

// word reads an address or offset; what does not fit is -1, which is nowhere.
func (p *elfPlan) word(b []byte) int64 {
	if !p.is64 {
		return int64(p.order.Uint32(b))
	}
	if v := p.order.Uint64(b); v < 1<<63 {
		return int64(v)
	}
	return -1
}

func (p *elfPlan) readProgs() {
	size := int64(32)
	if p.is64 {
		size = 56
	}
	h := p.header
	if h.phentsize != size || h.phnum*size > maxPhdrBytes {
		return
	}
	raw, ok := p.w.at(h.phoff, h.phnum*size)
	if !ok {
		return
	}
	for ; len(raw) > 0; raw = raw[size:] {
		p.progs = append(p.progs, p.prog(raw))
	}
}

func (p *elfPlan) prog(raw []byte) elfProg {
	u32 := p.order.Uint32
	g := elfProg{typ: elf.ProgType(u32(raw))}
	if p.is64 {
		g.flags = elf.ProgFlag(u32(raw[4:]))
		g.off, g.vaddr, g.filesz = p.word(raw[8:]), p.order.Uint64(raw[16:]), p.word(raw[32:])
		g.align = p.order.Uint64(raw[48:])
		return g
	}
	g.off, g.vaddr, g.filesz = p.word(raw[4:]), uint64(u32(raw[8:])), p.word(raw[16:])
	g.flags, g.align = elf.ProgFlag(u32(raw[24:])), uint64(u32(raw[28:]))
	return g
}

// file returns nil if there is no whole header.
func (p *elfPlan) file() *File {
	if !p.header.headerSizeSeen {
		return nil
	}
	f := &File{Format: ELF, Kind: Other, Machine: keep(p.header.machine.String()), ABI: p.abi()}
	switch p.header.typ {
	case elf.ET_EXEC:
		f.Kind = Program
	case elf.ET_DYN:
		f.Kind = Library
	}
	if t, ok := p.target(); ok {
		f.Targets = []arch.Platform{t}
	}
	for _, g := range p.progs {
		if g.typ == elf.PT_INTERP {
			if s, ok := p.w.text(g.off, min(g.filesz, maxInterpBytes)); ok {
				f.Interp, f.Kind = keep(s), Program
			}
		}
	}
	p.readDynamic(f)
	return f
}
