package exe

import (
	"debug/pe"
	"encoding/binary"
	"fmt"

	"github.com/dray-oci/dray/arch"
)

// Bounds and offsets of PE (Microsoft's "PE Format").
const (
	peOffsetAt    = 0x3c
	coffBytes     = 20
	sectionBytes  = 40
	maxPESections = 96 // what Windows loads
	pe32Magic     = 0x10b
	pe32Dirs      = 96  // of the optional header: where the data directories begin
	pe64Dirs      = 112 //
	cliDirectory  = 14
	cliILOnly     = 1
	cli32Bit      = 2
	scnWrite      = 0x80000000
)

type pePlan struct {
	w        *window
	found    bool
	machine  uint16
	flags    uint16
	optional []byte
	sections []byte
}

func planPE(w *window) *pePlan {
	p := &pePlan{w: w}
	dos, ok := w.at(peOffsetAt, 4)
	if !ok {
		return p
	}
	at := int64(binary.LittleEndian.Uint32(dos))
	mark, ok := w.at(at, 4+coffBytes)
	if !ok || string(mark[:4]) != "PE\x00\x00" {
		return p
	}
	coff := mark[4:]
	u16 := binary.LittleEndian.Uint16
	p.found, p.machine, p.flags = true, u16(coff), u16(coff[18:])
	optionalSize, sections := int64(u16(coff[16:])), int64(min(u16(coff[2:]), maxPESections))
	at += 4 + coffBytes
	p.optional, _ = w.at(at, optionalSize)
	p.sections, _ = w.at(at+optionalSize, sections*sectionBytes)
	for s := p.sections; len(s) > 0; s = s[sectionBytes:] {
		if u32 := binary.LittleEndian.Uint32; u32(s[36:])&scnWrite != 0 {
			w.look(int64(u32(s[20:])), int64(u32(s[16:])))
		}
	}
	if off, ok := p.cliHeader(); ok {
		w.want(off, 20)
	}
	return p
}

// cliHeader returns where the header of managed code stands, if there is one: the
// address of the fifteenth data directory, found in the sections.
func (p *pePlan) cliHeader() (int64, bool) {
	dirs := pe64Dirs
	if len(p.optional) >= 2 && binary.LittleEndian.Uint16(p.optional) == pe32Magic {
		dirs = pe32Dirs
	}
	at := dirs + 8*cliDirectory
	if len(p.optional) < at+8 {
		return 0, false
	}
	u32 := binary.LittleEndian.Uint32
	rva := u32(p.optional[at:])
	for s := p.sections; rva != 0 && len(s) > 0; s = s[sectionBytes:] {
		if start, size := u32(s[12:]), u32(s[16:]); rva >= start && rva-start < size {
			return int64(u32(s[20:])) + int64(rva-start), true
		}
	}
	return 0, false
}

// isManaged reports whether the file holds code for no machine (ECMA-335, II.25.3.3.1).
func (p *pePlan) isManaged() bool {
	off, ok := p.cliHeader()
	if !ok {
		return false
	}
	header, ok := p.w.at(off, 20)
	return ok && binary.LittleEndian.Uint32(header[16:])&(cliILOnly|cli32Bit) == cliILOnly
}

// file: a file with the old "MZ" header alone is for DOS, and nothing for us.
func (p *pePlan) file() *File {
	if !p.found {
		return nil
	}
	f := &File{Format: PE, Kind: Program, Machine: peMachineName(p.machine), Neutral: p.isManaged()}
	if p.flags&pe.IMAGE_FILE_DLL != 0 {
		f.Kind = Library
	}
	if a := peArch(p.machine); a != "" {
		f.Targets = []arch.Platform{{OS: "windows", Architecture: a}}
	}
	return f
}

func peArch(machine uint16) string {
	switch machine {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return "amd64"
	case pe.IMAGE_FILE_MACHINE_I386:
		return "386"
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return "arm64"
	case pe.IMAGE_FILE_MACHINE_ARMNT, pe.IMAGE_FILE_MACHINE_ARM:
		return "arm"
	}
	return ""
}

func peMachineName(machine uint16) string {
	if a := peArch(machine); a != "" {
		return a
	}
	return fmt.Sprintf("machine %#x", machine)
}
