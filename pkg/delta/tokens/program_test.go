package tokens

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// hintsOf returns what a blob unpacks to, and its hints.
func hintsOf(tb testing.TB, blob []byte) (text, hints []byte) {
	tb.Helper()
	r := NewReader(bytes.NewReader(blob))
	p, h := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := r.Read(p, h)
		text, hints = append(text, p[:n]...), append(hints, h[:n]...)
		if err == io.EOF {
			return text, hints
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func describe(tb testing.TB, blob, hints []byte) []byte {
	tb.Helper()
	var program bytes.Buffer
	if err := Describe(bytes.NewReader(blob), bytes.NewReader(hints), &program); err != nil {
		tb.Fatal(err)
	}
	return program.Bytes()
}

func build(program, text, hints []byte) ([]byte, error) {
	var out bytes.Buffer
	err := Build(bytes.NewReader(program), bytes.NewReader(text), bytes.NewReader(hints), &out)
	return out.Bytes(), err
}

// Whatever the hints are the same blob comes out; with its own nothing has to be told
// but its blocks.
func TestProgram(t *testing.T) {
	for name, blob := range samples(t) {
		text, own := hintsOf(t, blob)
		noise := make([]byte, len(own))
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		for kind, hints := range map[string][]byte{"own": own, "none": make([]byte, len(own)), "noise": noise} {
			program := describe(t, blob, hints)
			got, err := build(program, text, hints)
			if err != nil || !bytes.Equal(got, blob) {
				t.Errorf("%s with %s hints: other bytes: %v", name, kind, err)
			}
			if kind == "own" && name != "members" && len(program) > 200+len(blob)/80 {
				t.Errorf("%s: a program of %d bytes for %d", name, len(program), len(blob))
			}
		}
	}
}

// Sums that are wrong are made again too.
func TestWrongSums(t *testing.T) {
	blob := samples(t)["blocks"]
	blob[len(blob)-1]++
	text, hints := hintsOf(t, blob)
	if got, err := build(describe(t, blob, hints), text, hints); err != nil || !bytes.Equal(got, blob) {
		t.Errorf("other bytes: %v", err)
	}
}

// Blocks of an odd encoder: lengths told in odd ways, bits where zeros should be.
func TestOddHeaders(t *testing.T) {
	h := header{lit: 260, dist: 3, opCodes: 19}
	h.lengths[0], h.lengths[1], h.lengths[256], h.lengths[259] = 2, 2, 2, 2
	h.lengths[260], h.lengths[262] = 1, 1
	for _, n := range h.lengths[:263] {
		h.ops = append(h.ops, newOp(int(n), 0)) // no runs
	}
	h.opLengths[0], h.opLengths[1], h.opLengths[2], h.opLengths[17] = 1, 2, 3, 3
	var blob bytes.Buffer
	e := newEncoder(&blob)
	e.bytes([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	for _, b := range []block{{kind: dynamic, head: h}, {kind: stored, pad: 0x55}, {kind: dynamic, head: h, final: true}} {
		if !e.begin(&b) || b.kind != stored && (!e.token(0) || !e.token(newMatch(5, 1)) || !e.end()) {
			t.Fatal("no code")
		}
	}
	e.align(0xff)
	e.bytes(make([]byte, trailerBytes))
	e.flush()
	text := make([]byte, 12)
	program := describe(t, blob.Bytes(), text)
	if got, err := build(program, text, text); err != nil || !bytes.Equal(got, blob.Bytes()) {
		t.Errorf("other bytes: %v", err)
	}
}

func TestBuildRefuses(t *testing.T) {
	blob := samples(t)["blocks"]
	text, hints := hintsOf(t, blob)
	program := describe(t, blob, hints)
	one := func(change func(*batch)) []byte {
		var b batch
		b[colBlocks] = []byte{1, 'h'}
		change(&b)
		var out bytes.Buffer
		_ = b.writeTo(&out)
		return out.Bytes()
	}
	for name, c := range map[string]struct{ program, text, hints []byte }{
		"nothing":         {nil, text, hints},
		"cut":             {program[:len(program)-1], text, hints},
		"more":            {append(bytes.Clone(program), 1), text, hints},
		"a shorter text":  {program, text[:len(text)-1], hints},
		"a longer text":   {program, append(bytes.Clone(text), 1), append(bytes.Clone(hints), 0)},
		"fewer hints":     {program, text, hints[:len(hints)-1]},
		"a long batch":    {[]byte{0xff, 0xff, 0xff, 0x7f}, text, hints},
		"no kind":         {one(func(b *batch) { b.piece(piece{kind: 3, count: 1}) }), text, hints},
		"an empty piece":  {one(func(b *batch) { b.piece(piece{kind: fixed}) }), text, hints},
		"stored in parts": {one(func(b *batch) { b.piece(piece{kind: stored, count: 1}) }), text, hints},
		"no runs":         {one(func(b *batch) { b.piece(piece{kind: fixed, count: 1}) }), text, hints},
		"before the start": {one(func(b *batch) {
			b.piece(piece{kind: fixed, count: 1})
			b[colRuns], b[colLengths], b[colDists] = []byte{0}, []byte{1}, []byte{0}
		}), text, hints},
		"other pieces": {one(func(b *batch) {
			b.piece(piece{kind: fixed, count: 1})
			b.piece(piece{kind: dynamic, count: 1})
			b[colRuns], b[colLengths] = []byte{0, 0}, []byte{0, 0}
		}), text, hints},
		"no code": {one(func(b *batch) {
			b.piece(piece{kind: dynamic, count: 1, last: true})
			b[colRuns], b[colLengths] = []byte{0}, []byte{0}
			b[colBlocks] = append(b[colBlocks], 0, 0, 1, endSymbol-1, 0, 0)
		}), text, hints},
	} {
		if _, err := build(c.program, c.text, c.hints); !errors.Is(err, ErrProgram) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A hostile program fails, or makes gzip of as many bytes: which, it may have a say in,
// as matches that were to be expected are not held against the text.
func FuzzBuild(f *testing.F) {
	blob := gzipped(f, 6, text(1, 2000), []byte("short"))
	text, hints := hintsOf(f, blob)
	f.Add(describe(f, blob, hints), 0, byte(0))
	f.Add(describe(f, blob, make([]byte, len(hints))), 5, byte(9))
	f.Fuzz(func(t *testing.T, program []byte, at int, b byte) {
		program = bytes.Clone(program)
		if at > 0 && at < len(program) {
			program[at] = b
		}
		out, err := build(program, text, hints)
		if err != nil {
			if !errors.Is(err, ErrProgram) {
				t.Error(err)
			}
			return
		}
		var again bytes.Buffer
		if err := Describe(bytes.NewReader(out), bytes.NewReader(hints), &again); err != nil {
			return // what stands around blocks is as the program wants it
		}
		made, _ := hintsOf(t, out)
		if got, err := build(again.Bytes(), made, hints); err != nil || !bytes.Equal(got, out) || len(made) != len(text) {
			t.Errorf("%d bytes for %d, or not made again: %v", len(made), len(text), err)
		}
	})
}

func TestLikelyLengths(t *testing.T) {
	often := make([]uint32, 40)
	a, b := uint32(1), uint32(1)
	for i := range often { // as deep a tree as there is
		often[i] = a
		a, b = b, a+b
	}
	lengths := make([]byte, len(often))
	for _, most := range []int{7, maxBits} {
		likelyLengths(lengths, often, most)
		if _, deepest, ok := firstCodes(lengths); !ok || deepest != most {
			t.Errorf("%d bits: %v", deepest, lengths)
		}
	}
}
