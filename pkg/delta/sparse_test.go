package delta

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// differences makes n, most of them zeros.
func differences(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 1 + rnd.IntN(1<<rnd.IntN(16)) {
		for k := i; k < min(n, i+rnd.IntN(5)); k++ {
			b[k] = byte(rnd.Uint32())
		}
	}
	return b
}

func TestSparse(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for name, b := range map[string][]byte{
		"none": {}, "zero": {0}, "one": {1}, "ends in zeros": {1, 0, 0}, "begins with zeros": {0, 0, 1},
		"a block of zeros": make([]byte, sparseBytes), "and one more": append(make([]byte, sparseBytes), 1),
		"no zeros": bytes.Repeat([]byte{7}, sparseBytes+3), "every other": bytes.Repeat([]byte{0, 7}, sparseBytes),
		"some": differences(rnd, 3*sparseBytes+17),
	} {
		var buf bytes.Buffer
		w := &sparseWriter{w: &buf}
		for rest := b; len(rest) > 0; {
			n := min(len(rest), 1+rnd.IntN(100_000))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(newSparseReader(bytes.NewReader(buf.Bytes())))
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(b), err)
		}
		if buf.Len() == 0 {
			continue
		}
		if _, err := io.ReadAll(newSparseReader(bytes.NewReader(buf.Bytes()[:buf.Len()-1]))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, cut: %v", name, err)
		}
		gone := errors.New("gone")
		if _, err := io.ReadAll(newSparseReader(io.MultiReader(bytes.NewReader(buf.Bytes()[:buf.Len()-1]), iotest.ErrReader(gone)))); !errors.Is(err, gone) {
			t.Errorf("%s, gone: %v", name, err)
		}
	}
}

// Pairs of nothing make nothing, however many come, and cost next to nothing to send.
func TestSparseOfNothing(t *testing.T) {
	nothing := append([]byte{0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0}, 0, 0, 0, 0)
	if n, err := newSparseReader(bytes.NewReader(nothing)).Read(make([]byte, 1)); n > 0 || !errors.Is(err, ErrInvalid) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// Whatever is read, it ends, and what is at fault is the recipe.
func FuzzSparse(f *testing.F) {
	var buf bytes.Buffer
	w := &sparseWriter{w: &buf}
	_, _ = w.Write([]byte{0, 0, 1, 2, 0, 3}) // into memory
	_ = w.Close()
	f.Add(buf.Bytes())
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := io.Copy(io.Discard, newSparseReader(bytes.NewReader(b)))
		if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		if n > int64(len(b)+1)*sparseBytes {
			t.Errorf("%d bytes of %d", n, len(b))
		}
	})
}
