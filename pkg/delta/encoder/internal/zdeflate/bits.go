package zdeflate

import "io"

// bitWriter writes to a stream, the lowest bit of a byte first.
type bitWriter struct {
	w    io.Writer
	err  error
	held uint64
	n    uint // bits held
	buf  []byte
}

func (b *bitWriter) write(v uint64, n uint) {
	b.held |= v << b.n
	b.n += n
	for b.n >= 32 {
		b.buf = append(b.buf, byte(b.held), byte(b.held>>8), byte(b.held>>16), byte(b.held>>24))
		b.held >>= 32
		b.n -= 32
	}
}

// align fills the last byte with zeros.
func (b *bitWriter) align() {
	b.n = (b.n + 7) &^ 7
	for ; b.n > 0; b.n -= 8 {
		b.buf = append(b.buf, byte(b.held))
		b.held >>= 8
	}
}

// flush writes all whole bytes.
func (b *bitWriter) flush() error {
	for ; b.n >= 8; b.n -= 8 {
		b.buf = append(b.buf, byte(b.held))
		b.held >>= 8
	}
	if b.err == nil && len(b.buf) > 0 {
		_, b.err = b.w.Write(b.buf)
	}
	b.buf = b.buf[:0]
	return b.err
}

// stored writes a block that is not compressed; in has at most 65,535 bytes.
func (b *bitWriter) stored(in []byte, last bool) {
	b.header(storedBlock, last)
	b.align()
	b.write(uint64(len(in)), 16)
	b.write(uint64(^uint16(len(in))), 16)
	b.align()
	b.buf = append(b.buf, in...)
}

func (b *bitWriter) header(kind uint64, last bool) {
	v := kind << 1
	if last {
		v |= 1
	}
	b.write(v, 3)
}
