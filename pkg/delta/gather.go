package delta

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A move is bytes of the bases that come to stand in what is rebuilt.
type move struct {
	at int64 // address
	to int64 // offset
	n  int64
}

// moves returns what a program takes from the bases, by address: what stands side
// by side here and there is one move. It fails if the program does not make length bytes.
func moves(r *reader, h Head) ([]move, error) {
	var all []move
	to := int64(0)
	for {
		s, ok := r.segment()
		if !ok {
			break
		}
		if s.n > h.Length-to {
			r.fail()
			break
		}
		if s.n > 0 && s.refers() {
			last := len(all) - 1
			if last >= 0 && all[last].at+all[last].n == s.at && all[last].to+all[last].n == to {
				all[last].n += s.n
			} else {
				all = append(all, move{at: s.at, to: to, n: s.n})
			}
		}
		to += s.n
	}
	if r.err == nil && to != h.Length {
		r.fail()
	}
	return split(all, h.Bases), r.err
}

// split sorts moves by address, and cuts those that reach from one base into the next.
func split(all []move, bases []Base) []move {
	for i := 0; i < len(all); i++ {
		end := int64(0)
		for _, b := range bases {
			end += b.Length
			if m := all[i]; m.at < end && m.at+m.n > end {
				all[i].n = end - m.at
				all = append(all, move{at: end, to: m.to + all[i].n, n: m.n - all[i].n})
			}
		}
	}
	slices.SortFunc(all, func(a, b move) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.to, b.to))
	})
	return all
}

// gather reads every base that is copied from once, from start to end, and writes
// what the moves take into w, and the hints for that into hints if it is not nil.
func gather(ctx context.Context, h Head, all []move, base func(Base) (Blob, error), w io.WriterAt, hints *hintSpool, o Options) error {
	start := int64(0)
	for _, b := range h.Bases {
		n, _ := slices.BinarySearchFunc(all, start+b.Length, func(m move, at int64) int { return cmp.Compare(m.at, at) })
		mine := all[:n]
		all = all[n:]
		if len(mine) == 0 {
			start += b.Length
			continue
		}
		held, err := base(b)
		if err == nil {
			g := gathered{b, start, mine}
			err = g.read(ctx, held, w, hints, o)
		}
		if err != nil {
			return fmt.Errorf("reading base %s: %w", b.Digest, err)
		}
		start += b.Length
	}
	return nil
}

const chunkBytes = 256 << 10

// gathered is a base that is read.
type gathered struct {
	Base
	start int64  // its address
	moves []move // what is taken of it
}

func (b gathered) read(ctx context.Context, held Blob, w io.WriterAt, hints *hintSpool, o Options) error {
	r, err := b.open(ctx, held, hints, o)
	if err != nil {
		return err
	}
	s := sweep{w: w, start: b.start, waiting: b.moves}
	buf := make([]byte, chunkBytes)
	for err == nil {
		var n int
		n, err = io.ReadFull(r, buf)
		if werr := s.take(buf[:n]); werr != nil {
			err = werr
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = nil
		if s.read != b.Length {
			err = fmt.Errorf("it is %d bytes long, not %d: %w", s.read, b.Length, ErrInvalid)
		}
	}
	return errors.Join(err, r.Close())
}

// open opens a base; what is read leaves its hints if they are wanted.
func (b gathered) open(ctx context.Context, held Blob, hints *hintSpool, o Options) (io.ReadCloser, error) {
	if !b.Tokens || hints == nil {
		return held.open(ctx, b.Packed, b.Length, o.progress)
	}
	if held.held().Digest != b.Digest {
		return nil, fmt.Errorf("its very bytes are needed, not those of %s", held.held().Digest)
	}
	return held.openTokens(ctx, b.Length, hints.of(b.start, b.moves), o.progress)
}

// A sweep hands a stream to the moves that it meets.
type sweep struct {
	w       io.WriterAt
	start   int64  // address of the stream
	read    int64  // bytes of it
	waiting []move // that begin later, by address
	active  []move // that go on
}

func (s *sweep) take(chunk []byte) error {
	from := s.start + s.read
	end := from + int64(len(chunk))
	s.read += int64(len(chunk))
	for len(s.waiting) > 0 && s.waiting[0].at < end {
		s.active = append(s.active, s.waiting[0])
		s.waiting = s.waiting[1:]
	}
	kept := s.active[:0]
	for _, m := range s.active {
		n := min(m.n, end-m.at)
		if n > 0 {
			if _, err := s.w.WriteAt(chunk[m.at-from:m.at-from+n], m.to); err != nil {
				return err
			}
		}
		if m.n -= n; m.n > 0 {
			m.at, m.to = m.at+n, m.to+n
			kept = append(kept, m)
		}
	}
	s.active = kept
	return nil
}
