package compress_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/compress"
)

var kinds = []compress.Kind{compress.None, compress.Gzip, compress.Zstd}

func pack(t testing.TB, k compress.Kind, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := compress.NewWriter(&buf, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func unpack(raw []byte, l compress.Limits) ([]byte, compress.Kind, error) {
	r, err := compress.NewReader(bytes.NewReader(raw), l)
	if err != nil {
		return nil, "", err
	}
	content, err := io.ReadAll(r)
	return content, r.Kind, errors.Join(err, r.Close())
}

func TestRoundTrip(t *testing.T) {
	for _, k := range kinds {
		for _, content := range []string{"", "x", "hello", strings.Repeat("layer ", 100_000)} {
			got, kind, err := unpack(pack(t, k, []byte(content)), compress.Limits{})
			if err != nil || string(got) != content || kind != k {
				t.Errorf("%q, %d bytes: %d bytes of %q, %v", k, len(content), len(got), kind, err)
			}
		}
	}
	if _, err := compress.NewWriter(io.Discard, "xz"); err == nil {
		t.Error("xz was accepted")
	}
}

// The digests of layers made here hang on these bytes: a change of the library
// that changes them is a change that users notice.
func TestWriterIsDeterministic(t *testing.T) {
	content := strings.Repeat("the same input gives the same bytes. ", 20_000)
	want := map[compress.Kind]string{
		compress.Gzip: "e29de0b6e1098db14a564f33cf29b97ce151a7bbf11cc2297654066410d3fd1a",
		compress.Zstd: "29dbb65fcdb7dcc742ff8ea0f317332ce13594f1718747f817342d1a686eb035",
	}
	for k, sum := range want {
		var buf bytes.Buffer
		w, err := compress.NewWriter(&buf, k)
		if err != nil {
			t.Fatal(err)
		}
		for rest := content; rest != ""; {
			n := min(len(rest), 777)
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), pack(t, k, []byte(content))) {
			t.Errorf("%s: the sizes of the writes show", k)
		}
		if got := sha256.Sum256(buf.Bytes()); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s: the output is %x, was %s", k, got, sum)
		}
	}
}

func TestSniff(t *testing.T) {
	for head, want := range map[string]compress.Kind{
		"":                         compress.None,
		"\x1f":                     compress.None,
		"\x1f\x8b":                 compress.Gzip,
		"\x28\xb5\x2f\xfd":         compress.Zstd,
		"\x50\x2a\x4d\x18":         compress.Zstd,
		"\x5f\x2a\x4d\x18\x00":     compress.Zstd,
		"\x28\xb5\x2f":             compress.None,
		"oci-layout\x00\x00\x00":   compress.None,
		"\xfd7zXZ\x00 is not ours": compress.None,
	} {
		if got := compress.Sniff([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

func TestDamagedStreamsFail(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	for _, k := range kinds[1:] {
		whole := pack(t, k, content)
		for _, n := range []int{5, len(whole) / 2, len(whole) - 1} {
			_, _, err := unpack(whole[:n], compress.Limits{})
			if !errors.Is(err, compress.ErrDamaged) || errors.Is(err, io.EOF) {
				t.Errorf("%s cut at %d: %v", k, n, err)
			}
		}
		flipped := bytes.Clone(whole)
		flipped[len(flipped)-3] ^= 1 // in the checksum or the length
		if _, _, err := unpack(flipped, compress.Limits{}); !errors.Is(err, compress.ErrDamaged) {
			t.Errorf("%s with a wrong checksum: %v", k, err)
		}
		r, err := compress.NewReader(io.MultiReader(bytes.NewReader(whole[:30]), iotest.ErrReader(io.ErrClosedPipe)), compress.Limits{})
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, compress.ErrDamaged) {
			t.Errorf("%s that the source cuts: %v", k, err)
		}
	}
	broken := errors.New("broken")
	if _, err := compress.NewReader(iotest.ErrReader(broken), compress.Limits{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestLimits(t *testing.T) {
	zeros := make([]byte, 65<<20)
	for _, k := range kinds {
		if _, _, err := unpack(pack(t, k, zeros[:101]), compress.Limits{MaxBytes: 100}); !errors.Is(err, compress.ErrBomb) {
			t.Errorf("%q, size: %v", k, err)
		}
		if _, _, err := unpack(pack(t, k, zeros[:100]), compress.Limits{MaxBytes: 100}); err != nil {
			t.Errorf("%q, size: %v", k, err)
		}
	}
	if _, _, err := unpack(pack(t, compress.Gzip, zeros), compress.Limits{}); err != nil {
		t.Errorf("honest zeros: %v", err)
	}
	if _, _, err := unpack(pack(t, compress.Zstd, zeros), compress.Limits{}); !errors.Is(err, compress.ErrBomb) {
		t.Errorf("ratio: %v", err)
	}
}

func TestWindow(t *testing.T) {
	for window, ok := range map[int]bool{8 << 20: true, 128 << 20: true, 256 << 20: false} {
		var buf bytes.Buffer
		w, err := zstd.NewWriter(&buf, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		// Flush makes a frame that does not know its size, and so names its window.
		_, err = w.Write([]byte("content"))
		if err := errors.Join(err, w.Flush(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := unpack(buf.Bytes(), compress.Limits{}); (err == nil) != ok {
			t.Errorf("window %d: %v", window, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, k := range kinds {
		f.Add(pack(f, k, []byte("content of a layer")))
	}
	f.Add([]byte{0x5f, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, raw []byte) {
		const most = 1 << 20
		got, kind, err := unpack(raw, compress.Limits{MaxBytes: most})
		if len(got) > most {
			t.Errorf("%d bytes came out", len(got))
		}
		if err == nil && kind == compress.None && !bytes.Equal(got, raw) {
			t.Error("what is not compressed changed")
		}
	})
}

func ExampleNewReader() {
	var layer bytes.Buffer
	w, _ := compress.NewWriter(&layer, compress.Zstd)
	_, _ = io.WriteString(w, "hello")
	_ = w.Close()

	r, err := compress.NewReader(&layer, compress.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	fmt.Println(r.Kind, string(content), err)
	// Output: zstd hello <nil>
}
