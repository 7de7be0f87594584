package tokens

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The columns of a program: like stands best by like when it is compressed.
const (
	colPieces  = iota // how many tokens, and of what block
	colRuns           // how many come as expected
	colLengths        // of those that do not: 0 a literal, else the length less 2
	colDists          // of the matches among them
	colBlocks         // headers, and what stands around blocks
	columns
)

// Bounds on what is held of a program.
const (
	flushBytes = 128 << 10 // of columns: then a batch is written
	// maxBatchBytes holds flushBytes and a piece in which nothing is as expected: three
	// numbers for each token, of one, two and three bytes.
	maxBatchBytes = 1 << 20
	// maxBlockTokens is how many tokens a dynamic block may have, since they are
	// held until its header is known.
	maxBlockTokens = 4 << 20
)

// A program is a row of batches: each is its columns, a uvarint length and that many
// bytes for each. A batch ends only between two pieces.
type batch [columns][]byte

func (b *batch) size() (n int) {
	for _, c := range b {
		n += len(c)
	}
	return n
}

func (b *batch) number(col int, n uint64) { b[col] = binary.AppendUvarint(b[col], n) }

// writeTo writes the batch and makes it empty.
func (b *batch) writeTo(w io.Writer) error {
	for i, c := range b {
		if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(c)))); err != nil {
			return err
		}
		if _, err := w.Write(c); err != nil {
			return err
		}
		b[i] = c[:0]
	}
	return nil
}

// A piece is tokens of one block in a row.
type piece struct {
	kind  byte
	final bool
	last  bool // of its block
	count int  // tokens; of a stored block bytes
}

func (b *batch) piece(p piece) {
	n := uint64(p.count)<<4 | uint64(p.kind)<<1
	if p.final {
		n |= 8
	}
	if p.last {
		n |= 1
	}
	b.number(colPieces, n)
}

// A reading is a program that is being read, from outside.
type reading struct {
	r    *bufio.Reader
	cols [columns]column
	buf  []byte
}

// next returns the next piece.
func (r *reading) next() (piece, error) {
	c := &r.cols[colPieces]
	if len(c.b) == 0 {
		if err := r.load(); err != nil {
			return piece{}, err
		}
	}
	n := c.number(1 << 24)
	p := piece{kind: byte(n >> 1 & 3), final: n&8 != 0, last: n&1 != 0, count: int(n >> 4)}
	switch {
	case p.kind > dynamic, p.count == 0 && !p.last:
		c.fail("a piece of nothing")
	case p.kind == stored && (p.count > 0xffff || !p.last):
		c.fail("a stored block that is too long")
	}
	return p, c.err
}

// load reads a batch: the last one must have been used up.
func (r *reading) load() error {
	used := 0
	r.buf = r.buf[:0]
	var ends [columns]int
	for i := range r.cols {
		if len(r.cols[i].b) > 0 {
			return fmt.Errorf("%w: columns of unequal length", ErrProgram)
		}
		n, err := r.length(maxBatchBytes - used)
		if err != nil {
			return err
		}
		if used += n; cap(r.buf) < used {
			r.buf = append(make([]byte, 0, maxBatchBytes), r.buf...)
		}
		if _, err := io.ReadFull(r.r, r.buf[used-n:used]); err != nil {
			return cutShort(err)
		}
		r.buf, ends[i] = r.buf[:used], used
	}
	from := 0
	for i, end := range ends {
		r.cols[i] = column{b: r.buf[from:end]}
		from = end
	}
	return nil
}

// length reads a uvarint that is at most limit.
func (r *reading) length(limit int) (int, error) {
	n := 0
	for shift := 0; shift < 28; shift += 7 {
		c, err := r.r.ReadByte()
		if err != nil {
			return 0, cutShort(err)
		}
		if n |= int(c&0x7f) << shift; n > limit {
			break
		}
		if c < 0x80 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a batch that is too long", ErrProgram)
}

// ended returns nil if nothing is left.
func (r *reading) ended() error {
	for _, c := range r.cols {
		if len(c.b) > 0 || c.err != nil {
			return fmt.Errorf("%w: more columns than are of use", ErrProgram)
		}
	}
	switch _, err := r.r.ReadByte(); err {
	case io.EOF:
		return nil
	case nil:
		return fmt.Errorf("%w: more follows its end", ErrProgram)
	default:
		return err
	}
}

// cutShort makes an end an error of the program.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut", ErrProgram)
	}
	return err
}

// A column is read from its start; after an error it gives zeros.
type column struct {
	b   []byte
	err error
}

// number reads a number that is at most limit.
func (c *column) number(limit uint64) uint64 {
	n, used := binary.Uvarint(c.b)
	if used <= 0 || n > limit {
		c.fail("a number beyond its bound")
		return 0
	}
	c.b = c.b[used:]
	return n
}

// bytes reads as many bytes.
func (c *column) bytes(n int) []byte {
	if n > len(c.b) {
		c.fail("a column that is cut")
		return make([]byte, n)
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *column) fail(what string) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrProgram, what)
	}
	c.b = nil
}
