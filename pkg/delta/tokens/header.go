package tokens

import "encoding/binary"

// How the ops of a header are told.
const (
	opsInOne = iota // as is likely, of all lengths in one
	opsApart        // as is likely, of those for literals and of those for distances
	opsAsTheyAre
)

// counts say how often each symbol of a block comes up.
type counts struct {
	lit  [litCodes]uint32
	dist [distCodes]uint32
}

func (c *counts) reset() { *c = counts{}; c.lit[endSymbol] = 1 }

func (c *counts) add(t token) {
	if !t.isMatch() {
		c.lit[t]++
		return
	}
	s, _ := lengthSymbol(t.length())
	c.lit[s]++
	s, _ = distSymbol(t.dist())
	c.dist[s]++
}

// appendHeader tells a header of a block with these counts, as far as it is not likely.
func appendHeader(b []byte, h *header, c *counts) []byte {
	var likely [litCodes]byte
	b = append(b, byte(h.lit-257), byte(h.dist-1))
	likelyLengths(likely[:], c.lit[:], maxBits)
	b = appendDifferent(b, h.litLengths(), likely[:])
	likelyLengths(likely[:distCodes], c.dist[:], maxBits)
	b = appendDifferent(b, h.distLengths(), likely[:])

	way := opsAsTheyAre
	for w := range opsAsTheyAre {
		if equalOps(h.ops, h.likelyOps(nil, w)) {
			way = w
			break
		}
	}
	b = append(b, byte(way))
	if way == opsAsTheyAre {
		for _, o := range h.ops {
			if b = append(b, byte(o.symbol())); opExtra(o.symbol()) > 0 {
				b = append(b, byte(o.extra()))
			}
		}
	}
	likelyLengths(likely[:opSymbols], countOps(h.ops), 7)
	b = append(b, byte(h.opCodes-4))
	return appendDifferent(b, h.opLengths[:], likely[:])
}

func equalOps(a, b []op) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (h *header) likelyOps(ops []op, way int) []op {
	if way == opsInOne {
		return likelyOps(ops, h.lengths[:h.lit+h.dist])
	}
	return likelyOps(likelyOps(ops, h.litLengths()), h.distLengths())
}

func countOps(ops []op) []uint32 {
	often := make([]uint32, opSymbols)
	for _, o := range ops {
		often[o.symbol()]++
	}
	return often
}

// appendDifferent tells lengths by those that are likely: how many differ, and for
// each how many it is after the one before, and the length.
func appendDifferent(b, lengths, likely []byte) []byte {
	n := 0
	for i := range lengths {
		if lengths[i] != likely[i] {
			n++
		}
	}
	b = binary.AppendUvarint(b, uint64(n))
	last := 0
	for i := range lengths {
		if lengths[i] != likely[i] {
			b = binary.AppendUvarint(b, uint64(i-last))
			b = append(b, lengths[i])
			last = i
		}
	}
	return b
}

// header reads what appendHeader has told.
func (c *column) header(h *header, often *counts) {
	var likely [litCodes]byte
	h.lit, h.dist = int(c.number(litCodes-257))+257, int(c.number(distCodes-1))+1
	likelyLengths(likely[:], often.lit[:], maxBits)
	c.different(h.litLengths(), likely[:], maxBits)
	likelyLengths(likely[:distCodes], often.dist[:], maxBits)
	c.different(h.distLengths(), likely[:], maxBits)

	way := int(c.number(opsAsTheyAre))
	h.ops = h.ops[:0]
	if way == opsAsTheyAre {
		c.ops(h)
	} else {
		h.ops = h.likelyOps(h.ops, way)
	}
	likelyLengths(likely[:opSymbols], countOps(h.ops), 7)
	h.opCodes = int(c.number(opSymbols-4)) + 4
	c.different(h.opLengths[:], likely[:], 7)
}

// ops reads ops as they are: they must make the lengths that h has.
func (c *column) ops(h *header) {
	lengths := h.lengths
	for n := 0; n < h.lit+h.dist && c.err == nil; {
		symbol := int(c.number(opSymbols - 1))
		extra := 0
		if bits := opExtra(symbol); bits > 0 {
			extra = int(c.number(1<<bits - 1))
		}
		o := newOp(symbol, extra)
		h.ops = append(h.ops, o)
		n += o.run()
	}
	if c.err == nil && (!h.expand() || h.lengths != lengths) {
		c.fail("lengths that are told in two ways")
	}
}

// different reads what appendDifferent has told.
func (c *column) different(lengths, likely []byte, most uint64) {
	copy(lengths, likely)
	n := c.number(uint64(len(lengths)))
	last := 0
	for ; n > 0 && c.err == nil; n-- {
		i := last + int(c.number(uint64(len(lengths)-1-last)))
		lengths[i] = byte(c.number(most))
		last = i
	}
}
