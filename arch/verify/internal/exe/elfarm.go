package exe

import (
	"bytes"
	"encoding/binary"
)

// The attributes of ARM (ABI for the Arm Architecture: Addenda): format 'A', then for each
// vendor its size and name, then for each scope a tag, its size and the attributes.
const (
	shtARMAttributes = 0x70000003
	tagFile          = 1
	tagCPURawName    = 4
	tagCPUName       = 5
	tagCPUArch       = 6
	tagCompatibility = 32
	maxAttrBytes     = 4096
	maxSections      = 4096
)

// armAttribute returns the variant that the attributes of the file say it needs, if
// they stand in what was kept: they stand at the end of all but debug files.
func (p *elfPlan) armAttribute() string {
	h := p.header
	if h.shentsize != 40 || h.shnum > maxSections {
		return ""
	}
	raw, ok := p.w.at(h.shoff, h.shnum*h.shentsize)
	if !ok {
		return ""
	}
	for ; len(raw) > 0; raw = raw[h.shentsize:] {
		if p.order.Uint32(raw[4:]) != shtARMAttributes {
			continue
		}
		off, size := int64(p.order.Uint32(raw[16:])), int64(p.order.Uint32(raw[20:]))
		if data, ok := p.w.at(off, min(size, maxAttrBytes)); ok {
			return p.attributes(data)
		}
	}
	return ""
}

func (p *elfPlan) attributes(data []byte) string {
	if len(data) < 5 || data[0] != 'A' {
		return ""
	}
	for data = data[1:]; len(data) >= 4; {
		size := p.order.Uint32(data)
		if size < 4 || int64(size) > int64(len(data)) {
			return ""
		}
		if rest, ok := bytes.CutPrefix(data[4:size], []byte("aeabi\x00")); ok {
			return p.vendorAttributes(rest)
		}
		data = data[size:]
	}
	return ""
}

func (p *elfPlan) vendorAttributes(data []byte) string {
	for len(data) >= 5 {
		size := p.order.Uint32(data[1:])
		if size < 5 || int64(size) > int64(len(data)) {
			return ""
		}
		if data[0] == tagFile {
			return fileAttributes(data[5:size])
		}
		data = data[size:]
	}
	return ""
}

// fileAttributes: odd tags above 32 and the two names have strings, all others numbers.
func fileAttributes(data []byte) string {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return ""
		}
		data = data[n:]
		if tag == tagCPURawName || tag == tagCPUName || tag > tagCompatibility && tag%2 == 1 {
			end := bytes.IndexByte(data, 0)
			if end < 0 {
				return ""
			}
			data = data[end+1:]
			continue
		}
		value, n := binary.Uvarint(data)
		if n <= 0 {
			return ""
		}
		data = data[n:]
		if tag == tagCPUArch {
			return armArch(value)
		}
		if tag == tagCompatibility {
			data = data[min(len(data), bytes.IndexByte(data, 0)+1):]
		}
	}
	return ""
}

// armArch maps Tag_CPU_arch. Only the profiles that run systems are of interest.
func armArch(value uint64) string {
	switch {
	case value >= 1 && value <= 5: // v4 … v5TEJ: what runs on v5
		return "v5"
	case value >= 6 && value <= 9: // v6, v6KZ, v6T2, v6K; v6T2 is below v7 too
		return "v6"
	case value == 10:
		return "v7"
	case value == 14, value == 22:
		return "v8"
	}
	return ""
}
