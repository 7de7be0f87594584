package tokens

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors of this package.
var (
	// ErrFormat: a blob is damaged, or not gzip as it is usually written.
	ErrFormat = errors.New("not gzip that can be told in tokens")
	// ErrProgram: a program is damaged, or not one for this text and these hints.
	ErrProgram = errors.New("not a valid program of tokens")
)

// A bitReader reads bits, the lowest of a byte first. After an error it gives zeros.
type bitReader struct {
	r        io.Reader
	buf      []byte
	pos, end int
	acc      uint64
	n        uint  // bits in acc
	err      error // the first one
}

func newBitReader(r io.Reader) bitReader { return bitReader{r: r, buf: make([]byte, 64<<10)} }

// fill sees to it that there are 56 bits, if as many are left.
func (b *bitReader) fill() {
	if b.end-b.pos >= 8 {
		b.acc |= binary.LittleEndian.Uint64(b.buf[b.pos:]) << b.n
		b.pos += int(63-b.n) >> 3
		b.n |= 56
		return
	}
	for b.n < 56 && b.more() {
		b.acc |= uint64(b.buf[b.pos]) << b.n
		b.pos++
		b.n += 8
	}
}

// more reports whether there is a byte after those in acc.
func (b *bitReader) more() bool {
	for b.pos == b.end && b.err == nil {
		n, err := b.r.Read(b.buf)
		if b.pos, b.end = 0, n; n == 0 {
			b.err = err
		}
	}
	return b.pos < b.end
}

// take takes n bits, at most 32.
func (b *bitReader) take(n uint) uint32 {
	if b.n < n {
		if b.fill(); b.n < n {
			b.cut()
			return 0
		}
	}
	v := uint32(b.acc & (1<<n - 1))
	b.drop(n)
	return v
}

// drop drops n bits that are there.
func (b *bitReader) drop(n uint) {
	b.acc >>= n
	b.n -= n
}

// cut says that more should have come.
func (b *bitReader) cut() {
	if b.err == nil || b.err == io.EOF {
		b.err = fmt.Errorf("%w: it is cut", ErrFormat)
	}
	b.acc, b.n, b.pos, b.end = 0, 0, 0, 0
}

// fail is the first error.
func (b *bitReader) fail(what string) error {
	if b.err == nil || b.err == io.EOF {
		b.err = fmt.Errorf("%w: %s", ErrFormat, what)
	}
	return b.err
}

// failed returns the first error; that nothing follows is none.
func (b *bitReader) failed() error {
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// align drops the bits up to the next byte and returns them.
func (b *bitReader) align() byte { return byte(b.take(b.n & 7)) }

// atEnd reports whether nothing follows.
func (b *bitReader) atEnd() bool { return b.n == 0 && !b.more() }
