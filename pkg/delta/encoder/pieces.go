package encoder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"golang.org/x/sync/errgroup"
)

// pieces are parts of a stream that are made independently.
type pieces struct {
	tar   io.ReaderAt
	count int
	// bounds returns where in the tar piece i lies, and how many bits of its
	// first byte of output belong to the piece before.
	bounds func(i int) (from, to int64, phase int)
	// make writes piece i to w. It reads the tar of the piece once and in order.
	make func(w io.Writer, tar io.ReaderAt, i int) error
}

// piece is what came out of one.
type piece struct {
	out   []byte
	phase int
	sum   uint32 // of its tar
	size  int64  // of its tar
}

// run makes the pieces on several cores, writes them in order, and returns the
// CRC-32 of the tar.
func (p *pieces) run(ctx context.Context, w io.Writer, jobs int) (uint32, error) {
	queue := make(chan chan piece, jobs)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		return p.start(ctx, queue, jobs)
	})
	j := joiner{w: w}
	g.Go(func() error { return j.drain(ctx, queue) })
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return j.sum, j.flush()
}

// start starts every piece in order, each with a channel for what it makes.
func (p *pieces) start(ctx context.Context, queue chan<- chan piece, jobs int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i := range p.count {
		done := make(chan piece, 1)
		select {
		case queue <- done:
		case <-ctx.Done():
			return errors.Join(g.Wait(), context.Cause(ctx))
		}
		g.Go(func() error {
			one, err := p.one(ctx, i)
			if err == nil {
				done <- one
			}
			return err
		})
	}
	return g.Wait()
}

func (p *pieces) one(ctx context.Context, i int) (piece, error) {
	from, to, phase := p.bounds(i)
	tar := &summer{tar: p.tar, cause: func() error { return context.Cause(ctx) }, next: from, end: to}
	var out bytes.Buffer
	if err := p.make(&out, tar, i); err != nil {
		return piece{}, err
	}
	if tar.next != to || out.Len() == 0 {
		return piece{}, fmt.Errorf("%w: the tar was not read to byte %d", ErrRecipe, to)
	}
	return piece{out: out.Bytes(), phase: phase, sum: tar.sum, size: to - from}, nil
}

// summer sums what is read in order of a range, until there is a cause to stop.
type summer struct {
	tar       io.ReaderAt
	cause     func() error
	next, end int64
	sum       uint32
}

func (s *summer) ReadAt(p []byte, off int64) (int, error) {
	if err := s.cause(); err != nil {
		return 0, err
	}
	n, err := s.tar.ReadAt(p, off)
	if end := min(off+int64(n), s.end); off <= s.next && s.next < end {
		s.sum = crc32.Update(s.sum, crc32.IEEETable, p[s.next-off:end-off])
		s.next = end
	}
	return n, err
}

// joiner writes pieces one after the other, bit to bit.
type joiner struct {
	w    io.Writer
	held []byte // the last byte, of which bits are still to come
	sum  uint32
}

func (j *joiner) drain(ctx context.Context, queue <-chan chan piece) error {
	for done := range queue {
		select {
		case one := <-done:
			if err := j.write(one); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (j *joiner) write(one piece) error {
	if one.phase != 0 && len(j.held) != 0 {
		one.out[0] |= j.held[0]
		j.held = nil
	}
	if err := j.flush(); err != nil {
		return err
	}
	last := len(one.out) - 1
	j.held = append(j.held, one.out[last])
	j.sum = combine(j.sum, one.sum, one.size)
	_, err := j.w.Write(one.out[:last])
	return err
}

func (j *joiner) flush() error {
	_, err := j.w.Write(j.held)
	j.held = j.held[:0]
	return err
}
