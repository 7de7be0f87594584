package tokens

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// text returns n bytes that compress like those of a layer.
func text(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, n+600)
	for len(b) < n {
		switch k := len(b); {
		case k > 1000 && rnd.IntN(3) > 0:
			from, size := rnd.IntN(min(k, 40000)), 1+rnd.IntN(300)
			b = append(b, b[k-from-1:min(k, k-from-1+size)]...)
		case rnd.IntN(20) == 0:
			b = append(b, make([]byte, rnd.IntN(600))...)
		default:
			for range 1 + rnd.IntN(40) {
				b = append(b, byte(rnd.ExpFloat64()*20))
			}
		}
	}
	return b[:n]
}

func gzipped(tb testing.TB, level int, parts ...[]byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, level)
	if err != nil {
		tb.Fatal(err)
	}
	w.Name, w.Comment, w.Extra = "name", "comment", []byte("extra")
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			tb.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// samples are blobs with blocks of every kind.
func samples(tb testing.TB) map[string][]byte {
	noise := make([]byte, 70000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	many := gzipped(tb, 6, text(1, 1000))
	return map[string][]byte{
		"empty":        gzipped(tb, 6),
		"short":        gzipped(tb, 6, []byte("a")),
		"fixed":        gzipped(tb, 6, []byte("abcabcabcabcabc")),
		"level 1":      gzipped(tb, 1, text(2, 300000)),
		"level 9":      gzipped(tb, 9, text(3, 300000)),
		"Huffman only": gzipped(tb, flate.HuffmanOnly, text(4, 100000)),
		"stored":       gzipped(tb, 0, text(5, 200000)),
		"blocks":       gzipped(tb, 6, text(6, 5000), noise, text(7, 100), []byte("x"), make([]byte, 100000)),
		"members":      bytes.Repeat(many, 5),
	}
}

// rewrite tells a blob in tokens and writes them again, and returns what it unpacks to.
func rewrite(blob []byte) (again, unpacked []byte, err error) {
	var out, text bytes.Buffer
	d, e := newDecoder(bytes.NewReader(blob)), newEncoder(&out)
	for {
		h, err := d.header()
		if err != nil {
			return nil, nil, err
		}
		e.bytes(h)
		if err := rewriteBlocks(d, e, &text); err != nil {
			return nil, nil, err
		}
		pad, b, err := d.trailer()
		if err != nil {
			return nil, nil, err
		}
		e.align(pad)
		e.bytes(b[:])
		if d.in.atEnd() {
			e.flush()
			return out.Bytes(), text.Bytes(), e.err
		}
	}
}

func rewriteBlocks(d *decoder, e *encoder, text io.Writer) error {
	for begun, final := false, false; !final; {
		if err := d.next(); err != nil {
			return err
		}
		if !begun && !e.begin(&d.block) {
			return errors.New("no code")
		}
		if begun = !d.ended; d.block.kind == stored {
			e.bytes(d.bytes)
		}
		for _, t := range d.tokens {
			if !e.token(t) {
				return errors.New("a token without a code")
			}
		}
		if d.ended && d.block.kind != stored && !e.end() {
			return errors.New("no end")
		}
		final = d.ended && d.block.final
		if _, err := text.Write(d.bytes); err != nil {
			return err
		}
	}
	return nil
}

func TestRewrite(t *testing.T) {
	for name, blob := range samples(t) {
		again, got, err := rewrite(blob)
		if err != nil || !bytes.Equal(again, blob) {
			t.Errorf("%s: other bytes: %v", name, err)
		}
		z, err := gzip.NewReader(bytes.NewReader(blob))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := io.ReadAll(z); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: unpacks to %d bytes, not %d", name, len(got), len(want))
		}
	}
}

// What tokens are told of is what compress/flate unpacks, and the tokens make the
// same bytes again.
func FuzzDecoder(f *testing.F) {
	const header = 10
	for _, name := range []string{"empty", "short", "fixed"} {
		f.Add(samples(f)[name][header:])
	}
	f.Add(gzipped(f, 6, text(9, 300), []byte("x"))[header:])
	f.Fuzz(func(t *testing.T, deflate []byte) {
		blob := append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}, deflate...)
		blob = append(blob, make([]byte, trailerBytes)...)
		d := newDecoder(bytes.NewReader(blob))
		if _, err := d.header(); err != nil {
			t.Fatal(err)
		}
		var out, got bytes.Buffer
		e := newEncoder(&out)
		e.bytes(blob[:header])
		err := rewriteBlocks(d, e, &got)
		want, werr := io.ReadAll(flate.NewReader(bytes.NewReader(deflate)))
		if err == nil && werr == nil && !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes, not %d", got.Len(), len(want))
		}
		if err == nil && werr != nil && !errors.Is(werr, io.ErrUnexpectedEOF) {
			t.Errorf("compress/flate: %v", werr)
		}
		if werr == nil && err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("%v", err)
		}
		if err != nil {
			return
		}
		pad, b, err := d.trailer()
		if err != nil {
			return
		}
		e.align(pad)
		e.bytes(b[:])
		e.flush()
		if !bytes.HasPrefix(blob, out.Bytes()) {
			t.Error("other bytes come out")
		}
	})
}

// A reader tells the same text, and hints that make it again.
func TestReader(t *testing.T) {
	for name, blob := range samples(t) {
		_, want, err := rewrite(blob)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(bytes.NewReader(blob))
		var got, hints []byte
		for err == nil {
			var n int
			p, h := make([]byte, 777), make([]byte, 777)
			n, err = r.Read(p, h)
			got, hints = append(got, p[:n]...), append(hints, h[:n]...)
		}
		if err != io.EOF || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, not %d: %v", name, len(got), len(want), err)
		}
		for i := 0; i < len(hints); {
			m := hinted(hints[i:])
			if m == 0 {
				i++
				continue
			}
			for range m.length() {
				if got[i] != got[i-m.dist()] {
					t.Fatalf("%s: a wrong hint at %d", name, i)
				}
				i++
			}
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	blob := samples(t)["level 9"]
	damaged := bytes.Clone(blob)
	damaged[len(blob)/2] ^= 0x55
	for name, b := range map[string][]byte{
		"nothing":   nil,
		"cut":       blob[:len(blob)-1],
		"not gzip":  []byte("something else"),
		"more":      append(bytes.Clone(blob), "more"...),
		"no flags":  append([]byte{0x1f, 0x8b, 8, 0xff}, blob[4:]...),
		"long name": append([]byte{0x1f, 0x8b, 8, flagName, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte("n"), maxHeaderBytes)...),
		"far back":  append(bytes.Clone(blob[:10]), 0x63, 0x80, 0x1b, 0), // fixed: a byte, and a match that begins before it
	} {
		r := NewReader(bytes.NewReader(b))
		var err error
		for err == nil {
			_, err = r.Read(make([]byte, 4096), make([]byte, 4096))
		}
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := NewReader(io.MultiReader(bytes.NewReader(blob[:100]), failing{}))
	if _, err := r.Read(make([]byte, 9), make([]byte, 9)); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrPermission }

// Every code is found, whatever follows it, and nothing else.
func TestDecodeTable(t *testing.T) {
	lit, dist := fixedLengths()
	deep := make([]byte, 20)
	for i := range 16 {
		deep[19-i] = byte(min(i+1, maxBits))
	}
	var table decodeTable // of what came before
	for name, lengths := range map[string][]byte{
		"fixed": lit[:], "distances": dist[:], "deep": deep, "one": {0, 1}, "two": {1, 1}, "none": {0, 0},
	} {
		codes := make([]code, len(lengths))
		if !table.set(lengths) || !setCodes(codes, lengths) {
			t.Fatalf("%s is no code", name)
		}
		for i, e := range table.entries {
			want := uint16(0)
			for symbol, c := range codes {
				if c.n > 0 && uint16(i)&(1<<c.n-1) == c.bits {
					want = uint16(symbol<<4) | uint16(c.n)
				}
			}
			if e != want {
				t.Fatalf("%s: %b is %d, not %d", name, i, e, want)
			}
		}
	}
}
