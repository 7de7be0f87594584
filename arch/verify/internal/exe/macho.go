package exe

import (
	"debug/macho"
	"encoding/binary"

	"github.com/dray-oci/dray/arch"
)

// Bounds of Mach-O (mach-o/loader.h, mach-o/fat.h).
const (
	maxFatArchs     = 32
	maxCommandBytes = 1 << 20
	fatArchBytes    = 20
	fatMagic64      = 0xcafebabf
	fatArch64Bytes  = 32
	protWrite       = 2
)

// isMachO tells a fat file from a Java class, which has the same mark: a class has its
// version, 45 or more, where a fat file has the number of its parts.
func isMachO(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	switch binary.BigEndian.Uint32(head) {
	case macho.MagicFat, fatMagic64:
		n := binary.BigEndian.Uint32(head[4:])
		return n > 0 && n <= maxFatArchs
	}
	return machoOrder(head) != nil
}

// machoOrder returns the byte order of a file that is not fat, or nil.
func machoOrder(head []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if m := order.Uint32(head); m == macho.Magic32 || m == macho.Magic64 {
			return order
		}
	}
	return nil
}

type machoPlan struct {
	kind    Kind
	targets []arch.Platform
}

func (p *machoPlan) file() *File {
	f := &File{Format: MachO, Kind: p.kind, Targets: p.targets, Machine: "an unknown processor"}
	if len(p.targets) > 0 {
		f.Machine = p.targets[0].Architecture
	}
	return f
}

func planMachO(w *window) *machoPlan {
	p := &machoPlan{kind: Program}
	order := machoOrder(w.head)
	if order == nil {
		p.readFat(w)
		return p
	}
	header, ok := w.at(0, 28)
	if !ok {
		return p
	}
	p.add(order.Uint32(header[4:]))
	p.kind = machoKind(macho.Type(order.Uint32(header[12:])))
	at := int64(28)
	if order.Uint32(header) == macho.Magic64 {
		at = 32
	}
	if cmds, ok := w.at(at, min(int64(order.Uint32(header[20:])), maxCommandBytes)); ok {
		lookInSegments(w, order, cmds)
	}
	return p
}

func machoKind(t macho.Type) Kind {
	switch t {
	case macho.TypeExec:
		return Program
	case macho.TypeDylib, macho.TypeBundle:
		return Library
	}
	return Other
}

func (p *machoPlan) readFat(w *window) {
	size := int64(fatArchBytes)
	if binary.BigEndian.Uint32(w.head) == fatMagic64 {
		size = fatArch64Bytes
	}
	raw, ok := w.at(8, int64(binary.BigEndian.Uint32(w.head[4:]))*size)
	if !ok {
		return
	}
	for ; len(raw) > 0; raw = raw[size:] {
		p.add(binary.BigEndian.Uint32(raw))
	}
}

func (p *machoPlan) add(cpu uint32) {
	names := map[macho.Cpu]string{
		macho.Cpu386: "386", macho.CpuAmd64: "amd64", macho.CpuArm: "arm", macho.CpuArm64: "arm64",
		macho.CpuPpc: "ppc", macho.CpuPpc64: "ppc64",
	}
	if a := names[macho.Cpu(cpu)]; a != "" {
		p.targets = append(p.targets, arch.Platform{OS: "darwin", Architecture: a})
	}
}

// lookInSegments has the mark of Go searched in the 64-bit segments that can be written.
func lookInSegments(w *window, order binary.ByteOrder, cmds []byte) {
	for len(cmds) >= 8 {
		size := order.Uint32(cmds[4:])
		if size < 8 || int64(size) > int64(len(cmds)) {
			return
		}
		cmd := cmds[:size]
		if macho.LoadCmd(order.Uint32(cmd)) == macho.LoadCmdSegment64 && size >= 72 && order.Uint32(cmd[60:])&protWrite != 0 {
			if off, n := order.Uint64(cmd[40:]), order.Uint64(cmd[48:]); off < 1<<62 && n < 1<<62 {
				w.look(int64(off), int64(n))
			}
		}
		cmds = cmds[size:]
	}
}
