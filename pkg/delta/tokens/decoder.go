package tokens

import "io"

// Of what is held while blocks are read.
const (
	batchTokens = 1 << 15
	// outBytes has room for the history and a stored block.
	outBytes = maxDist + 128<<10
)

// A decoder reads gzip members in a row, batch by batch.
type decoder struct {
	in        bitReader
	block     block
	open      bool // block has been begun and not ended
	lit, dist decodeTable
	out       []byte // history and what the batch stands for
	at        int    // end of out
	begun     int64  // bytes of this member
	tokens    []token
	bytes     []byte // what tokens stand for; the content of a stored block
	ended     bool   // the block has, with this batch
}

func newDecoder(r io.Reader) *decoder {
	return &decoder{in: newBitReader(r), out: make([]byte, outBytes), tokens: make([]token, 0, batchTokens)}
}

// next reads a batch of the next block, after a header has been read. Its tokens and
// bytes are valid until the following call.
func (d *decoder) next() error {
	if !d.open {
		if err := d.begin(); err != nil {
			return err
		}
	}
	if outBytes-d.at < 64<<10+maxMatch {
		copy(d.out, d.out[d.at-maxDist:d.at])
		d.at = maxDist
	}
	d.tokens, d.ended = d.tokens[:0], false
	from := d.at
	var err error
	if d.block.kind == stored {
		err = d.copy()
	} else {
		err = d.decode()
	}
	d.bytes = d.out[from:d.at]
	d.begun += int64(len(d.bytes))
	d.open = !d.ended
	return err
}

// begin reads the start of a block.
func (d *decoder) begin() error {
	b := &d.block
	b.final, b.kind = d.in.take(1) == 1, byte(d.in.take(2))
	if err := d.in.failed(); err != nil {
		return err
	}
	switch b.kind {
	case stored:
		b.pad = d.in.align()
		size := d.in.take(16)
		if d.in.take(16) != size^0xffff {
			return d.in.fail("a stored block of wrong length")
		}
		b.size = int(size)
		return d.in.failed()
	case fixed:
		lit, dist := fixedLengths()
		d.lit.set(lit[:])
		d.dist.set(dist[:])
		return nil
	case dynamic:
		if err := b.head.read(&d.in, &d.lit); err != nil {
			return err
		}
		if !d.lit.set(b.head.litLengths()) || !d.dist.set(b.head.distLengths()) {
			return d.in.fail("a block without a code")
		}
		return nil
	}
	return d.in.fail("a block of no kind")
}

// copy reads a stored block.
func (d *decoder) copy() error {
	for n := d.block.size; n > 0; n-- {
		d.out[d.at] = byte(d.in.take(8))
		d.at++
	}
	d.ended = true
	return d.in.failed()
}

// decode reads tokens until the block ends, or there is no more room.
func (d *decoder) decode() error {
	in := &d.in
	have := int(min(d.begun, maxDist)) - d.at // bytes that a match may go back, less d.at
	for len(d.tokens) < batchTokens && d.at < outBytes-maxMatch {
		in.fill()
		e := d.lit.entries[in.acc&d.lit.mask]
		if e == 0 || uint(e&15) > in.n {
			return in.fail("it is cut, or has what is no code")
		}
		in.drop(uint(e & 15))
		symbol := int(e >> 4)
		if symbol < endSymbol {
			d.out[d.at] = byte(symbol)
			d.at++
			d.tokens = append(d.tokens, token(symbol))
			continue
		}
		if symbol == endSymbol {
			d.ended = true
			return nil
		}
		t, err := d.match(symbol)
		if err != nil {
			return err
		}
		if t.dist() > have+d.at {
			return in.fail("a match that begins before the start")
		}
		d.repeat(t)
		d.tokens = append(d.tokens, t)
	}
	return nil
}

// match reads the rest of a match.
func (d *decoder) match(symbol int) (token, error) {
	in := &d.in
	if symbol >= litCodes {
		return 0, in.fail("a length of no meaning")
	}
	base, extra := lengthBase(symbol)
	length := base + int(in.take(extra)) + minMatch
	if length == maxMatch && extra > 0 {
		return 0, in.fail("a length that is not written as usual")
	}
	e := d.dist.entries[in.acc&d.dist.mask]
	if e == 0 || uint(e&15) > in.n || e>>4 >= distCodes {
		return 0, in.fail("it is cut, or has what is no distance")
	}
	in.drop(uint(e & 15))
	base, extra = distBase(int(e >> 4))
	dist := base + int(in.take(extra)) + 1
	return newMatch(length, dist), in.failed()
}

// repeat writes what a match stands for.
func (d *decoder) repeat(t token) {
	n, dist := t.length(), t.dist()
	if dist >= n {
		copy(d.out[d.at:d.at+n], d.out[d.at-dist:])
		d.at += n
		return
	}
	for ; n > 0; n-- {
		d.out[d.at] = d.out[d.at-dist]
		d.at++
	}
}
