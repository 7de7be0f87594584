package exe

import "debug/elf"

// readDynamic adds the libraries that are needed. Their names stand in a string table
// that has an address, not an offset; it mostly lies in the head of the file.
func (p *elfPlan) readDynamic(f *File) {
	for _, g := range p.progs {
		if g.typ != elf.PT_DYNAMIC {
			continue
		}
		table, ok := p.w.at(g.off, min(g.filesz, maxDynamicBytes))
		if !ok || g.filesz > maxDynamicBytes {
			f.NeededUnread = true
		}
		needed, strtab := p.dynamic(table)
		p.readNeeded(f, needed, strtab)
		return
	}
}

// dynamic goes through the dynamic section: pairs of a tag and a value, up to DT_NULL.
func (p *elfPlan) dynamic(table []byte) (needed []uint64, strtab uint64) {
	word := 4
	if p.is64 {
		word = 8
	}
	read := func(b []byte) uint64 {
		if p.is64 {
			return p.order.Uint64(b)
		}
		return uint64(p.order.Uint32(b))
	}
	for ; len(table) >= 2*word; table = table[2*word:] {
		switch value := read(table[word:]); elf.DynTag(read(table)) {
		case elf.DT_NULL:
			return needed, strtab
		case elf.DT_STRTAB:
			strtab = value
		case elf.DT_NEEDED:
			if len(needed) <= maxNeeded {
				needed = append(needed, value)
			}
		}
	}
	return needed, strtab
}

func (p *elfPlan) readNeeded(f *File, needed []uint64, strtab uint64) {
	for i, name := range needed {
		off, ok := p.offset(strtab, name)
		if ok && i < maxNeeded {
			var s string
			if s, ok = p.w.text(off, maxNameBytes); ok && s != "" {
				f.Needed = append(f.Needed, keep(s))
				continue
			}
		}
		f.NeededUnread = true
	}
}

// offset returns where in the file the byte stands that is loaded at base + plus.
func (p *elfPlan) offset(base, plus uint64) (int64, bool) {
	addr := base + plus
	if addr < base {
		return 0, false
	}
	for _, g := range p.progs {
		if g.typ == elf.PT_LOAD && g.off >= 0 && g.filesz >= 0 && addr >= g.vaddr && addr-g.vaddr < uint64(g.filesz) {
			off := g.off + int64(addr-g.vaddr)
			return off, off >= g.off
		}
	}
	return 0, false
}
