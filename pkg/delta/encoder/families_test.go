package encoder_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

var pgzipHeader = []byte("\x1f\x8b\x08\x00\x00\x09\x6e\x88\x00\xff")

func make1(t testing.TB, name string, header, tar []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	r := encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: header, Size: int64(len(tar))}
	w, err := r.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(tar)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFindNamesTheEncoder(t *testing.T) {
	tar := content(9, 1<<20+200_000)
	for _, name := range []string{
		"go1.8/6", "go1.8/1", "go1.27/6", "go1.27/1", "kp1.15/5",
		"pgzip-kp1.18.5/5/1MiB", "pgzip-kp1.15/5/256KiB", "pgzip-kp1.15/9/1MiB",
	} {
		h := header
		if name[0] == 'p' {
			h = pgzipHeader
		}
		if r := mustFind(t, make1(t, name, h, tar), tar); r.Encoder != name {
			t.Errorf("%s is found to be %s", name, r.Encoder)
		}
	}
}

// A block ends where the tar ends, or the tar is shorter than one.
func TestPgzipBorders(t *testing.T) {
	for _, size := range []int{0, 1, 256 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2 << 20} {
		tar := content(uint64(size), size)
		for _, name := range []string{"pgzip-kp1.18.5/5/1MiB", "pgzip-kp1.15/1/256KiB"} {
			check(t, encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: pgzipHeader, Size: int64(size)}, make1(t, name, pgzipHeader, tar), tar)
		}
	}
}

// The header only orders what is tried.
func TestOtherHeaders(t *testing.T) {
	tar := content(10, 50_000)
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, 3)
	w.Name, w.Comment, w.Extra, w.OS = "layer.tar", "made by hand", []byte("extra"), 3
	_, err := w.Write(tar)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if r := mustFind(t, b.Bytes(), tar); len(r.Header) != 10+2+5+10+13 {
		t.Errorf("the header has %d bytes", len(r.Header))
	}
}

// What dray convert and append write can be made again. If this fails after a
// bump of klauspost/compress: freeze the new family, as internal/kpflate says.
func TestOurOwn(t *testing.T) {
	tar := content(11, 3<<20)
	var b bytes.Buffer
	w, err := compress.NewWriter(&b, compress.Gzip)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(tar)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if r := mustFind(t, b.Bytes(), tar); r.Encoder != "go1.27/5" {
		t.Errorf("it is %s", r.Encoder)
	}
}

// Whatever gzip is tried: exact, or unknown.
func TestAnyGzip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for seed := range uint64(30) {
		tar := content(seed, rnd.IntN(1<<(4+rnd.IntN(14))))
		b := stdGzip(t, tar, rnd.IntN(12)-2)
		if rnd.IntN(2) == 0 && len(b) > 20 {
			b[10+rnd.IntN(len(b)-10)] ^= 1 << rnd.IntN(8)
		}
		r, err := encoder.Find(context.Background(), blob.Bytes(b), int64(len(b)), encoder.Options{})
		if err != nil && !errors.Is(err, encoder.ErrUnknown) {
			t.Fatal(err)
		} else if err == nil && r.Size == int64(len(tar)) {
			check(t, r, b, tar)
		}
	}
}
