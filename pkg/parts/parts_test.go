package parts_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
)

// write cuts content into a set in dir, with parity, and returns the path of its document.
func write(t testing.TB, dir string, content []byte, part int64, parity int) string {
	t.Helper()
	c := parts.Cut{Size: int64(len(content)), Part: part}
	if err := c.Check(parity); err != nil {
		t.Fatal(err)
	}
	open := func(path string) *os.File {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	file := filepath.Join(dir, "x.tar")
	var files, more []*os.File
	for i := range c.Count() {
		files = append(files, open(parts.Name(file, i)))
	}
	for i := range parity {
		more = append(more, open(parts.ParityName(file, i)))
	}
	f := parts.NewFiles(c, files)
	if n, err := f.WriteAt(content, 0); err != nil || n != len(content) {
		t.Fatal(n, err)
	}
	doc, err := f.Describe(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if parity > 0 {
		if doc.Parity, err = f.WriteParity(t.Context(), file, more, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range more {
		err = errors.Join(err, m.Close())
	}
	if err := errors.Join(err, f.Sync(), f.Close(), doc.Write(parts.Index(file))); err != nil {
		t.Fatal(err)
	}
	return parts.Index(file)
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // never fails
	return b
}

func TestReadAt(t *testing.T) {
	content := random(10_000)
	index := write(t, t.TempDir(), content, 999, 0) // 11 parts: more than stay open
	s, err := parts.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 200 {
				at, n := r.Int64N(10_000), r.Int64N(3000)
				got := make([]byte, n)
				k, err := s.ReadAt(got, at)
				want := content[at:min(at+n, 10_000)]
				if !bytes.Equal(got[:k], want) || (err == nil) != (k == int(n)) || err != nil && err != io.EOF {
					t.Errorf("%d bytes at %d: %d, %v", n, at, k, err)
				}
			}
		})
	}
	wg.Wait()
	if f, at := s.File(1000, 900); f == nil || at != 1 || f.Close() != nil {
		t.Errorf("the file of one part: %v at %d", f, at)
	}
	if f, _ := s.File(900, 900); f != nil {
		t.Error("one file for what lies in two")
	}
	var joined bytes.Buffer
	if err := s.Join(t.Context(), &joined, nil); err != nil || !bytes.Equal(joined.Bytes(), content) {
		t.Errorf("joined: %d bytes, %v", joined.Len(), err)
	}
}

func TestFind(t *testing.T) {
	for path, want := range map[string]string{
		"x.tar.001":        "x.parts.json",
		"a/x.tar.256":      "a/x.parts.json",
		"x.tar.p01":        "x.parts.json",
		"x.tar.p100":       "x.parts.json",
		"x.parts.json":     "x.parts.json",
		"odd.001":          "odd.parts.json",
		"x.tar":            "",
		"x.tar.01":         "",
		"x.tar.0001":       "",
		"x.tar.p":          "",
		"x.tar.p1":         "",
		"x.tar.00a":        "",
		".001":             "",
		"a.001/b":          "",
		"x.tar.001.002/y":  "",
		"x.parts.json.001": "x.parts.json.parts.json",
	} {
		if got, ok := parts.Find(path); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
}

func TestRenamedSet(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, []byte("abcdefghijklmnop"), 5, 0)
	for from := range read(t, dir) {
		to := strings.Replace(from, "x", "other", 1)
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := parts.Check(t.Context(), filepath.Join(dir, "other.parts.json"), nil); err != nil {
		t.Error(err)
	}
}

func TestReplacedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := parts.Open(write(t, dir, []byte("abcdefghijklmnop"), 5, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	path := filepath.Join(dir, "x.tar.002")
	if err := errors.Join(os.WriteFile(path+".new", []byte("FGHIJ"), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	_, err = s.ReadAt(make([]byte, 16), 0)
	var f *parts.Fault
	if !errors.As(err, &f) || f.Number != 2 || !errors.Is(err, place.ErrInvalid) {
		t.Errorf("ReadAt: %v", err)
	}
}

func TestTooManyParts(t *testing.T) {
	for _, tt := range []struct {
		size, part int64
		parity     int
		ok         bool
	}{
		{256, 1, 0, true},
		{257, 1, 0, false},
		{255, 1, 1, true},
		{256, 1, 1, false},
		{1, 1, 255, true},
		{1, 1, 256, false},
		{1 << 62, 1, 0, false},
		{100, 0, 0, true},
		{100, 0, 1, false},
		{0, 1, 0, false},
		{100, -1, 0, false},
		{100, 10, -1, false},
	} {
		err := parts.Cut{Size: tt.size, Part: tt.part}.Check(tt.parity)
		if (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func ExampleOpen() {
	_, err := parts.Open("no/such/x.parts.json")
	fmt.Println(errors.Is(err, place.ErrNotFound))
	// Output: true
}
