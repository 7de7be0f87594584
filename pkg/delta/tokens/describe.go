package tokens

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Describe writes to w the program that makes the gzip blob of what it unpacks to and
// of hints, which must be as long as that. The error satisfies [ErrFormat] if there
// is no program for the blob. The blob is not verified. Memory is below 2 MiB.
func Describe(blob, hints io.Reader, w io.Writer) error {
	d := describer{d: newDecoder(blob), e: newExpecter(hints), w: w}
	if err := d.header(); err != nil {
		return err
	}
	for {
		end, err := d.step()
		if err != nil {
			return err
		}
		if end {
			return d.b.writeTo(w)
		}
	}
}

type describer struct {
	d      *decoder
	e      expecter
	past   history
	w      io.Writer
	b      batch
	counts counts
	tokens int // of this block
}

// header tells the header of a member.
func (d *describer) header() error {
	h, err := d.d.header()
	if err != nil {
		return err
	}
	d.b[colBlocks] = append(binary.AppendUvarint(d.b[colBlocks], uint64(len(h))), h...)
	return nil
}

// step tells a piece, and reports whether it was the last.
func (d *describer) step() (bool, error) {
	begun := d.d.open
	if err := d.d.next(); err != nil {
		return false, err
	}
	if !begun {
		d.counts.reset()
		d.tokens = 0
	}
	b := &d.d.block
	p := piece{kind: b.kind, final: b.final, last: d.d.ended, count: len(d.d.tokens)}
	if b.kind == stored {
		p.count = len(d.d.bytes)
	}
	d.b.piece(p)
	if err := d.differences(); err != nil {
		return false, err
	}
	if d.tokens += len(d.d.tokens); b.kind == dynamic && d.tokens > maxBlockTokens {
		return false, fmt.Errorf("%w: a block of more than %d tokens", ErrFormat, maxBlockTokens)
	}
	if !p.last {
		return false, d.flush()
	}
	return d.blockEnd()
}

// flush writes the columns if there is much in them.
func (d *describer) flush() error {
	if d.b.size() < flushBytes {
		return nil
	}
	return d.b.writeTo(d.w)
}

// differences tells the tokens that are not as expected.
func (d *describer) differences() error {
	if d.d.block.kind == stored {
		d.past.addAll(d.d.bytes)
		return d.e.advance(len(d.d.bytes))
	}
	run := uint64(0)
	text := d.d.bytes
	for _, t := range d.d.tokens {
		d.counts.add(t)
		want := d.e.next()
		if t == want || !t.isMatch() && want == 0 {
			run++
			d.past.add(text[:t.length()])
		} else {
			d.b.number(colRuns, run)
			d.different(t, text[:t.length()])
			run = 0
		}
		text = text[t.length():]
		if err := d.e.advance(t.length()); err != nil {
			return err
		}
	}
	if run > 0 {
		d.b.number(colRuns, run)
	}
	return nil
}

// different tells a token that stands for text.
func (d *describer) different(t token, text []byte) {
	if !t.isMatch() {
		d.b.number(colLengths, 0)
		d.past.add(text)
		return
	}
	d.b.number(colLengths, uint64(len(text)-minMatch+1))
	d.b.number(colDists, d.past.rank(text, t.dist()))
}

// blockEnd tells what stands behind the tokens of a block, and reports whether it was the last.
func (d *describer) blockEnd() (bool, error) {
	b := &d.d.block
	col := &d.b[colBlocks]
	switch b.kind {
	case stored:
		*col = append(*col, b.pad)
	case dynamic:
		*col = appendHeader(*col, &b.head, &d.counts)
	}
	if !b.final {
		return false, d.flush()
	}
	pad, sums, err := d.d.trailer()
	if err != nil {
		return false, err
	}
	if *col = append(*col, pad); sums == d.past.trailer() {
		d.b.number(colBlocks, 0)
	} else {
		d.b.number(colBlocks, trailerBytes)
		*col = append(*col, sums[:]...)
	}
	if d.d.in.atEnd() {
		d.b.number(colBlocks, 0)
		return true, d.d.in.failed()
	}
	if err := d.header(); err != nil {
		return false, err
	}
	return false, d.flush()
}
