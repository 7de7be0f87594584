package delta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// An emitter goes over the target for the second time and writes it down.
type emitter struct {
	writer
	*survey
	olds    map[int32]int64 // where old versions stand in the spool
	out     *spool          // where what is new goes
	limit   int64           // of that: what the whole blob has
	fresh   io.Writer
	changes io.Writer
	fine    differ
	fineOld oldPart // what fine is an index of
	headAt  int64   // address of the header used last
	headOld []byte  // that header
	head    []byte  // buffer
	buf     []byte
}

// emit writes down target by the choices that were made.
func (e *emitter) emit(ctx context.Context, target Blob, packed bool, choices []choice, o Options) error {
	r, err := target.open(ctx, packed, maxLength(target.Desc.Size), o.progress)
	if err != nil {
		return err
	}
	e.firstHeader()
	return errors.Join(e.read(newCutter(r, packed), choices), r.Close())
}

// firstHeader takes any header for the case that the first one has no twin.
func (e *emitter) firstHeader() {
	for _, k := range e.units {
		if k.head < headerBytes {
			continue
		}
		if b := make([]byte, headerBytes); readFull(e.heads, b, k.stored+int64(k.head)-headerBytes) == nil {
			e.headAt, e.headOld = k.content()-headerBytes, b
		}
		return
	}
}

func (e *emitter) read(c cutter, choices []choice) error {
	for i := 0; ; i++ {
		u, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if i == len(choices) {
			return errors.New("it is not what it was before")
		}
		if err := e.headers(u.head, choices[i].twin); err != nil {
			return err
		}
		if err := e.content(c, u.size, choices[i]); err != nil {
			return err
		}
		if e.size() > maxProgramBytes || e.count > maxSegments {
			return fmt.Errorf("%w: it has too many pieces", ErrNotSmaller)
		}
		if e.out.n > e.limit {
			return fmt.Errorf("%w: what is new is %d bytes already", ErrNotSmaller, e.out.n)
		}
	}
}

// headers writes down the headers of a unit by those of its twin.
func (e *emitter) headers(b []byte, twin int32) error {
	if len(b) == 0 {
		return nil
	}
	var old []byte
	at := int64(0)
	if twin >= 0 {
		k := &e.units[twin]
		e.head = append(e.head[:0], make([]byte, k.head)...)
		if err := readFull(e.heads, e.head, k.stored); err != nil {
			return err
		}
		old, at = e.head, k.at
	}
	if bytes.Equal(old, b) {
		e.add(segment{kind: same, n: int64(len(b)), at: at}, nil)
		e.useHeader(old, at)
		return nil
	}
	if len(old) == len(b) {
		e.blocks(old, b, at)
		e.useHeader(old, at)
		return nil
	}
	extra, own := b[:max(0, len(b)-headerBytes)], b[max(0, len(b)-headerBytes):]
	e.add(segment{kind: small, n: int64(len(extra))}, extra)
	if len(old) >= headerBytes {
		e.useHeader(old, at)
	}
	if e.headOld == nil || len(own) < headerBytes {
		e.add(segment{kind: small, n: int64(len(own))}, own)
		return nil
	}
	e.addHeader(e.headAt, e.headOld, own)
	return nil
}

// useHeader remembers the last block of old.
func (e *emitter) useHeader(old []byte, at int64) {
	if n := len(old) - headerBytes; n >= 0 {
		e.headAt, e.headOld = at+int64(n), append(e.headOld[:0], old[n:]...)
	}
}

// blocks writes down headers block by block.
func (e *emitter) blocks(old, b []byte, at int64) {
	for len(b) > 0 {
		n := min(len(b), headerBytes)
		switch {
		case bytes.Equal(old[:n], b[:n]):
			e.add(segment{kind: same, n: int64(n), at: at}, nil)
		case n == headerBytes && len(b) == headerBytes: // the member's own
			e.addHeader(at, old, b)
		default:
			e.add(segment{kind: small, n: int64(n)}, b[:n])
		}
		old, b, at = old[n:], b[n:], at+int64(n)
	}
}

// content writes down the content of a unit, and what it is filled up with.
func (e *emitter) content(c cutter, size int64, ch choice) error {
	var k *known
	switch {
	case ch.copy >= 0:
		k = &e.units[ch.copy]
		e.add(segment{kind: same, n: k.size, at: k.content()}, nil)
		if _, err := io.Copy(io.Discard, c); err != nil {
			return err
		}
	case ch.old >= 0:
		if err := e.changed(c, size, ch.old); err != nil {
			return err
		}
	default:
		if err := e.carry(c); err != nil {
			return err
		}
	}
	fill, err := c.fill()
	if err != nil {
		return err
	}
	if k != nil && k.zeros && allZeros(fill) {
		e.add(segment{kind: same, n: int64(len(fill)), at: k.content() + k.size}, nil)
		return nil
	}
	e.add(segment{kind: small, n: int64(len(fill))}, fill)
	return nil
}

// carry writes down what r holds as new.
func (e *emitter) carry(r io.Reader) error {
	for {
		n, err := r.Read(e.survey.buf)
		if werr := e.new(e.survey.buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (e *emitter) new(b []byte) error {
	e.add(segment{kind: fresh, n: int64(len(b))}, nil)
	_, err := e.fresh.Write(b)
	return err
}

// newZstd returns what compresses a section.
func newZstd(w io.Writer, level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level), zstd.WithWindowSize(windowBytes),
		zstd.WithLowerEncoderMem(true))
}
