package tokens

import (
	"encoding/binary"
	"io"
)

// An encoder writes deflate blocks, and what stands around them.
type encoder struct {
	w       io.Writer
	buf     []byte
	acc     uint64
	n       uint // bits in acc
	lit     [288]code
	dist    [32]code
	isFixed bool // lit and dist are those of fixed blocks
	ops     [opSymbols]code
	err     error // the first one
}

const encoderBytes = 64 << 10

func newEncoder(w io.Writer) *encoder { return &encoder{w: w, buf: make([]byte, 0, encoderBytes+8)} }

// put writes n bits, at most 16.
func (e *encoder) put(v uint32, n uint) {
	e.acc |= uint64(v) << e.n
	e.n += n
	if e.n >= 48 {
		e.buf = binary.LittleEndian.AppendUint64(e.buf, e.acc)
		e.buf = e.buf[:len(e.buf)-2]
		e.acc >>= 48
		e.n -= 48
		if len(e.buf) >= encoderBytes {
			e.flush()
		}
	}
}

// flush hands on the whole bytes that were written.
func (e *encoder) flush() {
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

// align fills up the last byte with bits of pad.
func (e *encoder) align(pad byte) {
	if k := -e.n & 7; k > 0 {
		e.put(uint32(pad)&(1<<k-1), k)
	}
}

// bytes writes whole bytes, after align.
func (e *encoder) bytes(b []byte) {
	for e.n > 0 {
		e.buf = append(e.buf, byte(e.acc))
		e.acc >>= 8
		e.n -= 8
	}
	e.buf = append(e.buf, b...)
	if len(e.buf) >= encoderBytes {
		e.flush()
	}
}

// begin writes the start of a block, up to its tokens or its bytes. It is false if
// its header has no code.
func (e *encoder) begin(b *block) bool {
	final := uint32(0)
	if b.final {
		final = 1
	}
	e.put(final|uint32(b.kind)<<1, 3)
	switch b.kind {
	case stored:
		e.align(b.pad)
		e.put(uint32(b.size), 16)
		e.put(uint32(b.size)^0xffff, 16)
		return true
	case fixed:
		if !e.isFixed {
			lit, dist := fixedLengths()
			e.isFixed = setCodes(e.lit[:], lit[:]) && setCodes(e.dist[:], dist[:])
		}
		return e.isFixed
	}
	e.isFixed = false
	return e.header(&b.head)
}

func (e *encoder) header(h *header) bool {
	e.put(uint32(h.lit-257), 5)
	e.put(uint32(h.dist-1), 5)
	e.put(uint32(h.opCodes-4), 4)
	for _, symbol := range opOrder[:h.opCodes] {
		e.put(uint32(h.opLengths[symbol]), 3)
	}
	clear(e.lit[:])
	clear(e.dist[:])
	if !setCodes(e.ops[:], h.opLengths[:]) || !setCodes(e.lit[:], h.litLengths()) || !setCodes(e.dist[:], h.distLengths()) {
		return false
	}
	for _, o := range h.ops {
		if !e.symbol(e.ops[o.symbol()]) {
			return false
		}
		e.put(o.extra(), opExtra(o.symbol()))
	}
	return true
}

// symbol writes a symbol; false if it has no code.
func (e *encoder) symbol(c code) bool {
	e.put(uint32(c.bits), uint(c.n))
	return c.n > 0
}

// token writes a token; false if it has no code.
func (e *encoder) token(t token) bool {
	if !t.isMatch() {
		return e.symbol(e.lit[t])
	}
	length := t.length()
	s, extra := lengthSymbol(length)
	if !e.symbol(e.lit[s]) {
		return false
	}
	e.put(uint32(length-minMatch)&(1<<extra-1), extra)
	s, extra = distSymbol(t.dist())
	if !e.symbol(e.dist[s]) {
		return false
	}
	e.put(uint32(t.dist()-1)&(1<<extra-1), extra)
	return true
}

// end ends a block that has tokens.
func (e *encoder) end() bool { return e.symbol(e.lit[endSymbol]) }
