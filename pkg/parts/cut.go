package parts

import (
	"fmt"
	"iter"
)

// A Cut says how a file is cut: into parts of Part bytes, of which the last may
// be shorter. Part 0 means that it is not.
type Cut struct {
	Size int64 // of the file, in bytes
	Part int64
}

// Check returns an error if that makes more parts, with that much parity, than a set has.
func (c Cut) Check(parity int) error {
	if c.Size < 1 || c.Part < 0 || parity < 0 || parity > 0 && c.Part == 0 {
		return fmt.Errorf("%d bytes in parts of %d with %d parity: that is no set", c.Size, c.Part, parity)
	}
	// Not c.Count(), which an int of 32 bits may not hold.
	if c.Part > 0 && (c.Size-1)/c.Part+1 > int64(MaxShards-parity) {
		return &tooManyError{c, parity}
	}
	return nil
}

// A tooManyError says that the parts are too small.
type tooManyError struct {
	c      Cut
	parity int
}

func (e *tooManyError) Error() string {
	with := ""
	if e.parity > 0 {
		with = fmt.Sprintf(" and %d parity", e.parity)
	}
	return fmt.Sprintf("%d bytes in parts of %d are %d parts%s, more than the %d allowed", e.c.Size, e.c.Part, (e.c.Size-1)/e.c.Part+1, with, MaxShards)
}

// Hint says what to do instead.
func (e *tooManyError) Hint() string {
	most := int64(MaxShards - e.parity)
	if most < 1 {
		return fmt.Sprintf("parity of at most %d", MaxShards-1)
	}
	return fmt.Sprintf("make the parts larger: from %d bytes on", (e.c.Size-1)/most+1)
}

// Count returns how many parts there are.
func (c Cut) Count() int {
	if c.Part == 0 {
		return 1
	}
	return int((c.Size-1)/c.Part) + 1
}

// Len returns the size of part i, counted from 0.
func (c Cut) Len(i int) int64 {
	if c.Part == 0 {
		return c.Size
	}
	return min(c.Part, c.Size-int64(i)*c.Part)
}

// ParityLen returns the size of a parity: that of the largest part.
func (c Cut) ParityLen() int64 { return c.Len(0) }

// A Span is a piece of one part.
type Span struct {
	Part   int   // counted from 0
	At     int64 // where it begins in the part
	Offset int64 // where it begins in the file
	N      int64 // bytes
}

// Spans yields the pieces of n bytes of the file from offset on, in order. What
// lies outside the file is left out.
func (c Cut) Spans(offset, n int64) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		if offset < 0 {
			return
		}
		for end := offset + min(n, c.Size-offset); offset < end; {
			s := Span{Offset: offset, At: offset}
			if c.Part > 0 {
				s.Part, s.At = int(offset/c.Part), offset%c.Part
			}
			s.N = min(end-offset, c.Len(s.Part)-s.At)
			if !yield(s) {
				return
			}
			offset += s.N
		}
	}
}
