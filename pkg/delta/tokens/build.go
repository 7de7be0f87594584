package tokens

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Build writes to w the gzip blob that a program makes of a text and of hints, which
// are as long. Programs come from outside: the error satisfies [ErrProgram] for one
// that is damaged, breaks a bound or does not fit the text, and what comes out with
// nil still has to be verified. An error of w is returned as it is, so a w that
// refuses more than the blob's size bounds what is made. Memory is below 50 MiB.
func Build(program, text, hints io.Reader, w io.Writer) error {
	b := builder{
		r: reading{r: bufio.NewReader(program)}, e: newExpecter(hints), out: newEncoder(w),
		text: bufio.NewReaderSize(text, 128<<10),
	}
	if err := b.r.load(); err != nil {
		return err
	}
	return b.run()
}

type builder struct {
	r       reading
	e       expecter
	past    history
	out     *encoder
	text    *bufio.Reader
	block   block
	begun   int64 // bytes of this member
	counts  counts
	tokens  []token // of this dynamic block, or this piece
	inBlock bool
}

func (b *builder) run() error {
	c := &b.r.cols[colBlocks]
	n := c.number(maxHeaderBytes)
	for n > 0 {
		b.out.bytes(c.bytes(int(n)))
		if c.err != nil {
			return c.err
		}
		if err := b.member(); err != nil {
			return err
		}
		n = c.number(maxHeaderBytes)
	}
	if c.err != nil {
		return c.err
	}
	b.out.flush()
	switch _, err := b.text.ReadByte(); err {
	case io.EOF:
		return errors.Join(b.out.err, b.r.ended())
	case nil:
		return fmt.Errorf("%w: it makes less than the text", ErrProgram)
	default:
		return err
	}
}

// member makes a member, from its first block to its trailer.
func (b *builder) member() error {
	b.begun = 0
	for {
		p, err := b.r.next()
		if err != nil {
			return err
		}
		if err := b.piece(p); err != nil {
			return err
		}
		if b.out.err != nil {
			return b.out.err
		}
		if p.last && p.final {
			return b.trailer()
		}
	}
}

// trailer makes the trailer of a member.
func (b *builder) trailer() error {
	c := &b.r.cols[colBlocks]
	b.out.align(c.bytes(1)[0])
	sums := b.past.trailer()
	switch c.number(trailerBytes) {
	case 0:
	case trailerBytes:
		copy(sums[:], c.bytes(trailerBytes))
	default:
		c.fail("a trailer of another length")
	}
	b.out.bytes(sums[:])
	return c.err
}

// piece makes a piece, or holds it if it is of a dynamic block that goes on.
func (b *builder) piece(p piece) error {
	if !b.inBlock {
		b.block.final, b.block.kind = p.final, p.kind
		b.counts.reset()
	} else if p.final != b.block.final || p.kind != b.block.kind {
		return fmt.Errorf("%w: pieces of several blocks as one", ErrProgram)
	}
	begun := b.inBlock
	b.inBlock = !p.last
	if p.kind == stored {
		return b.stored(p.count)
	}
	if p.kind == fixed && !begun {
		b.out.begin(&b.block)
	}
	if len(b.tokens)+p.count > maxBlockTokens {
		return fmt.Errorf("%w: a block of more than %d tokens", ErrProgram, maxBlockTokens)
	}
	if err := b.read(p.count); err != nil {
		return err
	}
	if p.kind == dynamic && p.last {
		c := &b.r.cols[colBlocks]
		if c.header(&b.block.head, &b.counts); c.err != nil {
			return c.err
		}
		if !b.out.begin(&b.block) {
			return fmt.Errorf("%w: a block without a code", ErrProgram)
		}
	}
	if p.kind == dynamic && !p.last {
		return nil
	}
	return b.write(p.last)
}

// stored makes a stored block.
func (b *builder) stored(n int) error {
	c := &b.r.cols[colBlocks]
	b.block.size, b.block.pad = n, c.bytes(1)[0]
	if c.err != nil {
		return c.err
	}
	b.out.begin(&b.block)
	raw, err := b.text.Peek(n)
	if err != nil {
		return tooLong(err)
	}
	b.out.bytes(raw)
	b.past.addAll(raw)
	b.begun += int64(n)
	_, err = b.text.Discard(n)
	return errors.Join(err, b.e.advance(n))
}

// write writes the tokens that are held.
func (b *builder) write(last bool) error {
	ok := true
	for _, t := range b.tokens {
		ok = b.out.token(t) && ok
	}
	b.tokens = b.tokens[:0]
	if last {
		ok = b.out.end() && ok
	}
	if !ok {
		return fmt.Errorf("%w: a token without a code", ErrProgram)
	}
	return nil
}

// read reads n tokens.
func (b *builder) read(n int) error {
	runs := &b.r.cols[colRuns]
	for n > 0 {
		run := int(runs.number(uint64(n)))
		if runs.err != nil {
			return runs.err
		}
		n -= run
		for range run {
			if err := b.expected(b.e.next()); err != nil {
				return err
			}
		}
		if n == 0 {
			break
		}
		n--
		if err := b.different(); err != nil {
			return err
		}
	}
	return nil
}

// expected takes a token that is as expected.
func (b *builder) expected(t token) error {
	text, err := b.text.Peek(t.length())
	if err != nil {
		return tooLong(err)
	}
	b.past.add(text)
	if !t.isMatch() {
		t = token(text[0])
	}
	return b.take(t)
}

// different reads a token that is not as expected.
func (b *builder) different() error {
	lengths, dists := &b.r.cols[colLengths], &b.r.cols[colDists]
	n := int(lengths.number(maxMatch - minMatch + 1))
	if lengths.err != nil {
		return lengths.err
	}
	if n == 0 {
		return b.expected(0)
	}
	told := dists.number(maxRanks + maxDist - 1)
	if dists.err != nil {
		return dists.err
	}
	text, err := b.text.Peek(n + minMatch - 1)
	if err != nil {
		return tooLong(err)
	}
	dist := b.past.dist(text, told)
	if dist == 0 {
		return fmt.Errorf("%w: a match that there is not", ErrProgram)
	}
	return b.take(newMatch(len(text), dist))
}

// take takes a token for the text that comes next.
func (b *builder) take(t token) error {
	n := t.length()
	if t.isMatch() && int64(t.dist()) > b.begun {
		return fmt.Errorf("%w: a match that begins before the start", ErrProgram)
	}
	if _, err := b.text.Discard(n); err != nil {
		return err
	}
	b.begun += int64(n)
	b.counts.add(t)
	b.tokens = append(b.tokens, t)
	return b.e.advance(n)
}

func tooLong(err error) error {
	if err == io.EOF {
		return fmt.Errorf("%w: it makes more than the text", ErrProgram)
	}
	return err
}
