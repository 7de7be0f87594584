package delta

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/blob"
)

func inMemory(b []byte) Blob {
	s := sha256.Sum256(b)
	h := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(s[:])}
	return Blob{Desc: v1.Descriptor{Digest: h, Size: int64(len(b))}, Open: blob.Bytes(b)}
}

// forge makes a recipe of a program, for a target of length bytes.
func forge(t testing.TB, program []byte, base, target Blob, length int64) parts {
	z, err := newZstd(nil, zstd.SpeedFastest)
	if err != nil {
		t.Fatal(err)
	}
	section := z.EncodeAll(make([]byte, 5000), nil)
	var none bytes.Buffer
	w := &sparseWriter{w: &none}
	_, err = w.Write(make([]byte, 5000))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	changes := z.EncodeAll(none.Bytes(), nil)
	m := &maker{program: program, sections: &spool{}, changes: &spool{}, tokens: &spool{}}
	m.head = Head{Packed: true, Length: length, Target: Ref{Digest: target.Desc.Digest, Size: length}}
	m.head.Bases = []Base{{Ref: Ref{Digest: base.Desc.Digest, Size: base.Desc.Size}, Packed: true, Length: base.Desc.Size}}
	m.sections.n, m.changes.n = int64(len(section)), int64(len(changes))
	p, err := m.parts()
	if err != nil {
		t.Fatal(err)
	}
	p[3].ReaderAt, p[4].ReaderAt = bytes.NewReader(section), bytes.NewReader(changes)
	return p
}

// A hostile program fails, or makes what was asked for; nothing else.
func FuzzProgram(f *testing.F) {
	base := bytes.Repeat([]byte("base"), 400)
	var w writer
	w.add(segment{kind: fresh, n: 10}, nil)
	w.add(segment{kind: same, n: 100, at: 7}, nil)
	w.add(segment{kind: changed, n: 50, at: 1000}, nil)
	w.add(segment{kind: small, n: 3}, []byte("abc"))
	w.addHeader(512, base[512:1024], bytes.Repeat([]byte("head"), 128))
	good, err := w.bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, 0, byte(0), int64(10+100+50+3+512))
	f.Add(good, 2, byte(4), int64(9))
	f.Fuzz(func(t *testing.T, program []byte, at int, b byte, length int64) {
		program = bytes.Clone(program)
		if at > 0 && at < len(program) {
			program[at] = b
		}
		if length < 0 || length > 1<<16 {
			return
		}
		target := inMemory(nil)
		target.Desc.Size = length
		held := inMemory(base)
		p := forge(t, program, held, target, length)
		var out bytes.Buffer
		err := Apply(context.Background(), target.Desc, p.open, func(Base) (Blob, error) { return held, nil }, &out, Options{})
		if err == nil && length != 0 || int64(out.Len()) > length {
			t.Errorf("%d bytes: %v", out.Len(), err)
		}
	})
}

func TestProgram(t *testing.T) {
	old := make([]byte, headerBytes)
	b := make([]byte, headerBytes)
	copy(b, "name")
	copy(b[136:], "14523412345")
	copy(b[148:], sum(b))
	odd := bytes.Clone(b)
	copy(odd[148:], " 12345")
	var w writer
	for range 3 {
		w.add(segment{kind: same, n: 10, at: w.length}, nil)
	}
	w.addHeader(700, old, b)
	w.addHeader(0, old, odd)
	w.add(segment{kind: small, n: 3}, []byte("abc"))
	raw, err := w.bytes()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReader(raw, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := r.segment(); !ok || s != (segment{kind: same, n: 30}) {
		t.Errorf("%+v", s)
	}
	for _, want := range [][]byte{b, odd} {
		s, ok := r.segment()
		got := bytes.Clone(old)
		if err := r.replace(got, s.mask); !ok || s.kind != header || err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v: %q", s, got)
		}
	}
	if s, ok := r.segment(); !ok || string(r.take(colSmall, s.n)) != "abc" {
		t.Errorf("%+v", s)
	}
	if _, ok := r.segment(); ok || r.err != nil {
		t.Error("goes on", r.err)
	}
}

func TestProgramBounds(t *testing.T) {
	base, target := inMemory(make([]byte, 1000)), inMemory(nil)
	for name, s := range map[string]segment{
		"beyond the bases":  {kind: same, n: 101, at: 900},
		"before the bases":  {kind: same, n: 1, at: -1},
		"overflow":          {kind: same, n: 1 << 50, at: 1 << 60},
		"header at the end": {kind: header, n: headerBytes, at: 600},
		"longer":            {kind: fresh, n: 101},
		"shorter":           {kind: fresh, n: 99},
		"no such kind":      {kind: kinds, n: 100},
	} {
		var w writer
		w.add(s, nil)
		raw, err := w.bytes()
		if err != nil {
			t.Fatal(err)
		}
		p := forge(t, raw, base, target, 100)
		target.Desc.Size = 100
		err = Apply(context.Background(), target.Desc, p.open, func(Base) (Blob, error) { return base, nil }, io.Discard, Options{})
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Copies that reach from one base into the next are served by both.
func TestSplit(t *testing.T) {
	got := split([]move{{at: 5, to: 0, n: 20}}, []Base{{Length: 10}, {Length: 10}, {Length: 10}})
	want := []move{{5, 0, 5}, {10, 5, 10}, {20, 15, 5}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Error(got)
	}
}

func TestHeadBounds(t *testing.T) {
	good := Head{Target: Ref{Digest: inMemory(nil).Desc.Digest, Size: 100}, Length: 1000}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Head){
		"no target":   func(h *Head) { h.Target.Digest = v1.Hash{} },
		"bomb":        func(h *Head) { h.Length = 1 << 40 },
		"packed":      func(h *Head) { h.Packed = true },
		"many bases":  func(h *Head) { h.Bases = make([]Base, maxBases+1) },
		"bad base":    func(h *Head) { h.Bases = make([]Base, 1) },
		"wide window": func(h *Head) { h.Window = windowBytes + 1 },
		"section":     func(h *Head) { h.Sections.Encoder = -1 },
	} {
		h := good
		change(&h)
		if h.check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMatch(t *testing.T) {
	old := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz-"), 1)
	old = append(old, bytes.Repeat([]byte{0, 1, 2, 3, 5, 7, 11, 13, 17}, 40)...)
	new := append([]byte("something new "), old[:30]...)
	new = append(new, 'X')
	new = append(new, old[31:]...)
	d := differ{old: old, new: new}
	d.index()
	at, fresh := 0, 0
	err := d.match(func(n, from int) error {
		if from < 0 {
			fresh += n
		} else if bytes.Equal(new[at:at+n], old[from:from+n]) {
			t.Error("the changed byte ends a run")
		}
		at += n
		return nil
	})
	if err != nil || at != len(new) || fresh != len("something new ") {
		t.Errorf("%d of %d bytes, %d new: %v", at, len(new), fresh, err)
	}
}
