package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// base is where the file is loaded: the usual place of amd64, and a multiple of
// align, which is the largest page of any of the machines.
const (
	base  = 0x400000
	align = 0x10000
)

// elf returns the program as a static executable. One segment, from the first
// byte of the file to the end of the message, is all that runs; the sections
// after it are for those who look:
//
//	ELF header, program headers, code, message │ names, attributes, section headers
func (p program) elf() []byte {
	ehsize, phsize := 64, 56
	if p.is32() {
		ehsize, phsize = 52, 32
	}
	start := ehsize + 2*phsize
	message := p.message()
	text := append(p.code(uint32(len(message))), message...)

	var body bytes.Buffer
	section := func(name uint32, kind elf.SectionType, data []byte) elf.Section64 {
		at := start + body.Len()
		body.Write(data)
		return elf.Section64{Name: name, Type: uint32(kind), Off: uint64(at), Size: uint64(len(data)), Addralign: 1}
	}
	names := "\x00.text\x00.shstrtab\x00.ARM.attributes\x00"
	name := func(s string) uint32 { return uint32(strings.Index(names, s)) }
	sections := []elf.Section64{
		{}, // the first is always empty
		section(name(".text"), elf.SHT_PROGBITS, text),
		section(name(".shstrtab"), elf.SHT_STRTAB, []byte(names)),
	}
	sections[1].Addr = base + uint64(start)
	sections[1].Flags = uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR)
	if p.attributes != nil {
		const armAttributes = 0x70000003 // SHT_ARM_ATTRIBUTES
		sections = append(sections, section(name(".ARM.attributes"), armAttributes, p.attributes))
	}
	body.Write(make([]byte, -(start+body.Len())&7)) // section headers are aligned

	size := uint64(start + len(text))
	segments := []elf.Prog64{
		{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
			Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: align,
		},
		{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W), Align: 16},
	}
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(p.machine), Version: uint32(elf.EV_CURRENT), Flags: p.flags,
		Entry: base + uint64(start), Phoff: uint64(ehsize), Shoff: uint64(start + body.Len()),
		Ehsize: uint16(ehsize), Phentsize: uint16(phsize), Phnum: uint16(len(segments)),
		Shentsize: uint16(64), Shnum: uint16(len(sections)), Shstrndx: 2,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	if p.is32() {
		return encode(header32(header), narrow(segments, segment32), body.Bytes(), narrow(sections, section32))
	}
	return encode(header, segments, body.Bytes(), sections)
}

func (p program) is32() bool { return p.machine == elf.EM_ARM }

// encode writes values of fixed size one after the other.
func encode(values ...any) []byte {
	var buf bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&buf, binary.LittleEndian, v); err != nil {
			panic(err) // only for a type without a fixed size: a mistake in this file
		}
	}
	return buf.Bytes()
}

// narrow turns each of the 64-bit structures into its 32-bit form.
func narrow[Wide, Thin any](wide []Wide, one func(Wide) Thin) []Thin {
	var thin []Thin
	for _, w := range wide {
		thin = append(thin, one(w))
	}
	return thin
}

func header32(h elf.Header64) elf.Header32 {
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS32)
	return elf.Header32{
		Ident: h.Ident, Type: h.Type, Machine: h.Machine, Version: h.Version, Flags: h.Flags,
		Entry: uint32(h.Entry), Phoff: uint32(h.Phoff), Shoff: uint32(h.Shoff),
		Ehsize: h.Ehsize, Phentsize: h.Phentsize, Phnum: h.Phnum,
		Shentsize: 40, Shnum: h.Shnum, Shstrndx: h.Shstrndx,
	}
}

func segment32(s elf.Prog64) elf.Prog32 {
	return elf.Prog32{
		Type: s.Type, Off: uint32(s.Off), Vaddr: uint32(s.Vaddr), Paddr: uint32(s.Paddr),
		Filesz: uint32(s.Filesz), Memsz: uint32(s.Memsz), Flags: s.Flags, Align: uint32(s.Align),
	}
}

func section32(s elf.Section64) elf.Section32 {
	return elf.Section32{
		Name: s.Name, Type: s.Type, Flags: uint32(s.Flags), Addr: uint32(s.Addr), Off: uint32(s.Off),
		Size: uint32(s.Size), Link: s.Link, Info: s.Info, Addralign: uint32(s.Addralign), Entsize: uint32(s.Entsize),
	}
}
