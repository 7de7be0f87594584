package exe

import "debug/elf"

// The property that says which level of x86-64 a file needs (x86-64 psABI,
// "Program Property"): the loader of glibc refuses the file below it.
const (
	ntGNUProperty = 5
	x86ISANeeded  = 0xc0008002
)

// x86Level returns the highest level that the notes say is needed, "v2" to "v4".
func (p *elfPlan) x86Level() string {
	for _, g := range p.progs {
		if g.typ != elf.PT_NOTE {
			continue
		}
		notes, ok := p.w.at(g.off, min(g.filesz, maxNoteBytes))
		if !ok {
			continue
		}
		if v := p.levelOfNotes(notes, g.align); v != "" {
			return v
		}
	}
	return ""
}

// levelOfNotes goes through notes: three words, the name and the description, both
// filled up to four bytes, or to eight where the segment says so.
func (p *elfPlan) levelOfNotes(notes []byte, segmentAlign uint64) string {
	align := int64(4)
	if segmentAlign == 8 {
		align = 8
	}
	for len(notes) >= 12 {
		nameSize, descSize := int64(p.order.Uint32(notes)), int64(p.order.Uint32(notes[4:]))
		typ := p.order.Uint32(notes[8:])
		descAt := 12 + nameSize + -(12+nameSize)&(align-1)
		end := descAt + descSize
		if end > int64(len(notes)) {
			return ""
		}
		if typ == ntGNUProperty && string(notes[12:12+nameSize]) == "GNU\x00" {
			return p.levelOfProperties(notes[descAt:end])
		}
		end += -end & (align - 1)
		notes = notes[min(end, int64(len(notes))):]
	}
	return ""
}

func (p *elfPlan) levelOfProperties(props []byte) string {
	for len(props) >= 8 {
		typ, size := p.order.Uint32(props), int64(p.order.Uint32(props[4:]))
		if size > int64(len(props)-8) {
			return ""
		}
		if typ == x86ISANeeded && size >= 4 {
			bits := p.order.Uint32(props[8:])
			for level := 4; level >= 2; level-- {
				if bits&(1<<(level-1)) != 0 {
					return [...]string{2: "v2", 3: "v3", 4: "v4"}[level]
				}
			}
			return ""
		}
		next := 8 + size
		next += -next & 7 // in 64-bit files, the only ones with levels
		props = props[min(next, int64(len(props))):]
	}
	return ""
}
