package delta

import (
	"bytes"
	"errors"
	"io"

	"github.com/dray-oci/dray/pkg/tario"
)

// A unit is what is compared: a member of a tar, or a chunk of other bytes.
type unit struct {
	head []byte // its headers: the last block is its own; empty for what has none
	name string // "" for what has none
	size int64  // of its content, if the stream is whole
}

// A cutter cuts a stream into units.
type cutter interface {
	// next returns the next unit, whose head is valid until the following call, or
	// io.EOF. Its content is then read with Read.
	next() (unit, error)
	io.Reader
	// fill returns what follows the content that was read, up to the next unit.
	fill() ([]byte, error)
}

// maxHeadOfUnit is how many bytes of headers one member may have before they
// count as members of their own.
const maxHeadOfUnit = 4 << 20

// tarCutter cuts a tar into its members.
type tarCutter struct {
	s     *tario.Scanner
	head  bytes.Buffer
	tail  bytes.Buffer
	ahead *tario.Piece
}

func newTarCutter(r io.Reader) *tarCutter { return &tarCutter{s: tario.NewScanner(r)} }

func (c *tarCutter) piece() (tario.Piece, error) {
	if p := c.ahead; p != nil {
		c.ahead = nil
		return *p, nil
	}
	return c.s.Next()
}

func (c *tarCutter) next() (unit, error) {
	c.head.Reset()
	for {
		p, err := c.piece()
		if errors.Is(err, io.EOF) && c.head.Len() > 0 {
			return unit{head: c.head.Bytes()}, nil
		}
		if err != nil {
			return unit{}, err
		}
		if p.Kind != tario.Header && p.Kind != tario.Extra {
			if c.head.Len() > 0 { // headers of no member
				c.ahead = &p
				return unit{head: c.head.Bytes()}, nil
			}
			return unit{name: p.Name, size: p.Size}, nil
		}
		if p.Kind == tario.Extra && p.Size > maxHeadOfUnit {
			c.ahead = &tario.Piece{Kind: tario.Content, Offset: p.Offset, Size: p.Size}
			return unit{head: c.head.Bytes()}, nil
		}
		if _, err := c.head.ReadFrom(c.s); err != nil {
			return unit{}, err
		}
		if p.Kind == tario.Header && !p.More {
			return c.member(p)
		}
		if c.head.Len() > maxHeadOfUnit {
			return unit{head: c.head.Bytes()}, nil
		}
	}
}

// member returns the unit whose last header was p.
func (c *tarCutter) member(p tario.Piece) (unit, error) {
	u := unit{head: c.head.Bytes(), name: p.Name}
	next, err := c.s.Next()
	if errors.Is(err, io.EOF) {
		return u, nil
	}
	if err != nil {
		return unit{}, err
	}
	if next.Kind == tario.Content {
		u.size = next.Size
	} else {
		c.ahead = &next
	}
	return u, nil
}

func (c *tarCutter) Read(p []byte) (int, error) {
	if c.ahead != nil {
		return 0, io.EOF
	}
	return c.s.Read(p)
}

func (c *tarCutter) fill() ([]byte, error) {
	p, err := c.piece()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p.Kind != tario.Fill {
		c.ahead = &p
		return nil, nil
	}
	c.tail.Reset()
	_, err = c.tail.ReadFrom(c.s)
	return c.tail.Bytes(), err
}
