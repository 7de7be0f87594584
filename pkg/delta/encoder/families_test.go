package encoder_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

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
	for kind, want := range map[compress.Kind]string{compress.Gzip: "go1.27/5", compress.Zstd: "zstd-kp1.17/default"} {
		var b bytes.Buffer
		w, err := compress.NewWriter(&b, kind)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(tar)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if r := mustFind(t, b.Bytes(), tar); r.Encoder != want {
			t.Errorf("%s is made by %s", kind, r.Encoder)
		}
	}
}

// Recipes that travelled hang on the zstd of the library that go.mod names, which
// is the same from 1.17.11 to 1.20.2 (default and fastest from 1.16.7), and another in 1.20.3.
//
// If this fails after a bump: copy zstd and huff0 of 1.20.2, what writes of them,
// to internal/kpzstd, let zstdengine.go use that, and add a family for the new.
func TestZstdIsPinned(t *testing.T) {
	tar := content(42, 1<<20+300_000)
	for name, want := range map[string]string{
		"zstd-kp1.17/fastest": "03d43f74803fe1aa1a85a2fdef893a36b72dd4ffd52185a01de9aa854c00e041",
		"zstd-kp1.17/default": "af05e6d740985a0d80b597d477a2124eca031efceac8e5d3cb7011b3e1190b00",
		"zstd-kp1.17/better":  "09826956b8ebaa707706bff04adb3621ed3bd332a19786fe13893d5e5072e44e",
		"zstd-kp1.17/best":    "e8af3caf7ecc6e4fcda4c09ab23d1ec051e60f6d26c006e56e4c8e1d1f38cf48",

		"zstd-kp1.17/fastest/8": "510f8dd22bab13b65d982fe2192e32e2e0ed8c9eecabffe401f29d7be76d731e",
		"zstd-kp1.17/default/8": "f46973582206c1b10ce6f6f5f01f002ee1cb5c711554044b1eae94e5eff3a10d",
		"zstd-kp1.17/better/8":  "e248f0def090a8e63a2fc737d3410db8612192e0bdf1c10fb3eb939abb470882",
		"zstd-kp1.17/best/8":    "e6d435cf35294f71b5abe089cfec7c01f19c9d6f9457a3d470f70634456f4785",
	} {
		var b bytes.Buffer
		r := encoder.Recipe{Wrap: encoder.Zstd, Encoder: name, Size: int64(len(tar))}
		if err := r.Encode(context.Background(), &b, bytes.NewReader(tar), r.Size, 1); err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(b.Bytes()); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s: %x, want %s", name, got, want)
		}
		if r := mustFind(t, b.Bytes(), tar); r.Encoder != name {
			t.Errorf("%s is found to be %s", name, r.Encoder)
		}
	}
}

// The way in which containers/image gives a layer to zstd: the bytes that it has
// looked at, and then what follows.
func TestZstdPeeked(t *testing.T) {
	tar := content(43, 700_000)
	for name, level := range map[string]zstd.EncoderLevel{"default": zstd.SpeedDefault, "fastest": zstd.SpeedFastest} {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(level))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(w, io.MultiReader(bytes.NewReader(tar[:8]), struct{ io.Reader }{bytes.NewReader(tar[8:])}))
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if r := mustFind(t, b.Bytes(), tar); r.Encoder != "zstd-kp1.17/"+name+"/8" {
			t.Errorf("%s is found to be %s", name, r.Encoder)
		}
	}
}

func TestZstdBomb(t *testing.T) {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58} // a window of 2 MiB
	for range 3000 {
		frame = append(frame, 0x02, 0x00, 0x10, 0x00) // 128 KiB of zeros
	}
	frame = append(frame, 0x01, 0, 0)
	if _, err := encoder.Find(context.Background(), blob.Bytes(frame), int64(len(frame)), encoder.Options{}); !errors.Is(err, encoder.ErrUnknown) {
		t.Error(err)
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
