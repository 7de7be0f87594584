package delta

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/dray-oci/dray/pkg/delta/tokens"
)

// Hints are kept where moves take from, and come in the order of a program.
func TestHints(t *testing.T) {
	h, err := newHintSpool(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	all := make([]byte, 10*hintBytes)
	for i := range all {
		all[i] = byte(i / 1000)
	}
	const start = 12345
	w := h.of(start, []move{{at: start + 70_000, n: 20}, {at: start + 5*hintBytes - 10, n: 1000}})
	for part := range bytes.Lines(all) { // pieces of any size
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	if len(h.pieces) != 3 {
		t.Errorf("%d pieces are kept, not 3", len(h.pieces))
	}
	var p writer
	p.add(segment{kind: same, n: 1000, at: start + 5*hintBytes - 10}, nil)
	p.add(segment{kind: small, n: 3}, []byte("abc"))
	p.add(segment{kind: changed, n: 20, at: start + 70_000}, nil)
	p.add(segment{kind: same, n: 30, at: start - 30}, nil)
	program, err := p.bytes()
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.reader(program, start+int64(len(all)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	none := func(n int) []byte { return bytes.Repeat([]byte{tokens.None}, n) }
	want := append(bytes.Clone(all[5*hintBytes-10:][:1000]), none(3)...)
	want = append(append(want, all[70_000:][:20]...), none(30)...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("other hints: %v", err)
	}
}

// No more is kept than a layer takes.
func TestHintsHaveALimit(t *testing.T) {
	h, err := newHintSpool(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, hintBytes)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for at := int64(0); at < 2*freeHintBytes && err == nil; at += hintBytes {
		err = h.store(at, noise)
	}
	if !errors.Is(err, ErrInvalid) || h.file.n > freeHintBytes {
		t.Errorf("%d bytes: %v", h.file.n, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
