package tokens

import (
	"errors"
	"io"
)

// Hints are one byte for each byte of a text. Where a match begins, three say it:
// matchHint and the upper bits of the distance less 1, its lower bits, the length less 3.
// All others are 0, or [None].
const (
	matchHint = 0x80
	// None is the hint for a byte of which nothing is known.
	None = 1
)

// A Reader unpacks a gzip blob and tells its tokens, as hints. It does not look at the
// sums in trailers: whoever reads with it verifies the blob.
type Reader struct {
	d     *decoder
	inner bool // in a member
	bytes []byte
	hints []byte
	buf   []byte
	err   error
}

// NewReader returns a Reader of r. It takes about 400 KiB of memory.
func NewReader(r io.Reader) *Reader { return &Reader{d: newDecoder(r)} }

// Read fills p with what the blob unpacks to, and hints, which must be as long, with
// the hints for it. It returns io.EOF after the last member, and an error that
// satisfies [ErrFormat] for what is damaged or cannot be told in tokens.
func (r *Reader) Read(p, hints []byte) (int, error) {
	for len(r.bytes) == 0 && r.err == nil {
		r.err = r.next()
	}
	n := copy(p, r.bytes)
	copy(hints[:n], r.hints)
	r.bytes, r.hints = r.bytes[n:], r.hints[n:]
	if n > 0 {
		return n, nil
	}
	return 0, r.err
}

func (r *Reader) next() error {
	d := r.d
	if !r.inner {
		if _, err := d.header(); err != nil {
			return err
		}
		r.inner = true
	}
	if err := d.next(); err != nil {
		return err
	}
	r.bytes = d.bytes
	r.setHints()
	if !d.ended || !d.block.final {
		return nil
	}
	r.inner = false
	if _, _, err := d.trailer(); err != nil {
		return err
	}
	if !d.in.atEnd() {
		return nil
	}
	if err := d.in.err; err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return io.EOF
}

// setHints makes hints of the tokens of the batch.
func (r *Reader) setHints() {
	n := len(r.bytes)
	if cap(r.buf) < n {
		r.buf = make([]byte, outBytes)
	}
	r.hints = r.buf[:n]
	clear(r.hints)
	at := 0
	for _, t := range r.d.tokens {
		if t.isMatch() {
			putHint(r.hints[at:], t)
		}
		at += t.length()
	}
}

func putHint(b []byte, t token) {
	d := t.dist() - 1
	b[0], b[1], b[2] = byte(matchHint|d>>8), byte(d), byte(t.length()-minMatch)
}

// hinted returns the match that b begins with, or 0.
func hinted(b []byte) token {
	if len(b) < minMatch || b[0]&matchHint == 0 {
		return 0
	}
	return newMatch(int(b[2])+minMatch, int(b[0]&^matchHint)<<8+int(b[1])+1)
}
