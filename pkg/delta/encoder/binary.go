package encoder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// binaryVersion is the first byte of the binary form; docs/formats.md has the rest.
const binaryVersion = 1

// wraps are the wraps as they are numbered in the binary form.
var wraps = [...]Wrap{Plain, Gzip, Zstd}

// MarshalBinary returns the compact form of a valid recipe, which [Parse] reads.
func (r Recipe) MarshalBinary() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	b := []byte{binaryVersion, 0}
	for i, w := range wraps {
		if w == r.Wrap {
			b[1] = byte(i)
		}
	}
	b = appendBytes(b, []byte(r.Encoder))
	b = binary.AppendUvarint(b, uint64(r.Size))
	b = appendBytes(b, r.Header)
	b = binary.AppendUvarint(b, uint64(len(r.Checkpoints)))
	last := int64(0)
	for _, c := range r.Checkpoints {
		b = binary.AppendUvarint(b, uint64(c.Tar-last))
		b = binary.AppendUvarint(b, uint64(c.Length)<<3|uint64(c.Phase))
		if c.Length != 0 {
			b = binary.AppendUvarint(b, uint64(c.Offset))
		}
		last = c.Tar
	}
	return b, nil
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Parse reads the compact form, strictly: all of b is one valid recipe, or the
// error satisfies [ErrRecipe]. It keeps nothing of b.
func Parse(b []byte) (Recipe, error) {
	var r Recipe
	p := parser{rest: b}
	if version := p.byte(); p.err == nil && version != binaryVersion {
		return r, fmt.Errorf("%w: version %d", ErrRecipe, version)
	}
	wrap := p.byte()
	r.Encoder = string(p.bytes(maxEncoderBytes))
	r.Size = p.number()
	r.Header = p.bytes(maxHeaderBytes)
	r.Checkpoints = p.checkpoints()
	switch {
	case p.err != nil:
		return Recipe{}, fmt.Errorf("%w: %w", ErrRecipe, p.err)
	case len(p.rest) != 0:
		return Recipe{}, fmt.Errorf("%w: %d bytes after its end", ErrRecipe, len(p.rest))
	case int(wrap) >= len(wraps):
		return Recipe{}, fmt.Errorf("%w: wrap %d", ErrRecipe, wrap)
	}
	r.Wrap = wraps[wrap]
	if err := r.Validate(); err != nil {
		return Recipe{}, err
	}
	return r, nil
}

// UnmarshalBinary is [Parse].
func (r *Recipe) UnmarshalBinary(b []byte) (err error) {
	*r, err = Parse(b)
	return err
}

// UnmarshalJSON reads a recipe strictly: no other fields, and valid.
func (r *Recipe) UnmarshalJSON(b []byte) error {
	type fields Recipe // without this method
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var f fields
	if err := dec.Decode(&f); err != nil {
		return fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	if err := Recipe(f).Validate(); err != nil {
		return err
	}
	*r = Recipe(f)
	return nil
}

// parser reads what is left; after the first fault it returns zeros.
type parser struct {
	rest []byte
	err  error
}

var errLong = errors.New("a number beyond its bound")

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.fail(io.ErrUnexpectedEOF)
		return 0
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	return c
}

func (p *parser) number() int64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 || v > 1<<62 {
		p.fail(errLong)
		return 0
	}
	p.rest = p.rest[n:]
	return int64(v)
}

func (p *parser) bytes(most int64) []byte {
	n := p.number()
	if n > most || n > int64(len(p.rest)) {
		p.fail(errLong)
	}
	if p.err != nil || n == 0 {
		return nil
	}
	s := bytes.Clone(p.rest[:n])
	p.rest = p.rest[n:]
	return s
}

func (p *parser) checkpoints() []Checkpoint {
	n := p.number()
	if n > maxCheckpoints || n > int64(len(p.rest)) {
		p.fail(errLong)
	}
	var cs []Checkpoint
	last := int64(0)
	for i := int64(0); i < n && p.err == nil; i++ {
		step, match := p.number(), p.number()
		if step > maxSegmentBytes || match > 1<<16 {
			p.fail(errLong)
		}
		c := Checkpoint{Tar: last + step, Phase: int(match & 7), Length: int(match >> 3)}
		if c.Length != 0 {
			offset := p.number()
			if offset > 1<<16 {
				p.fail(errLong)
			}
			c.Offset = int(offset)
		}
		last = c.Tar
		cs = append(cs, c)
	}
	return cs
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.rest = nil
}
