package encoder_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

// frozenIsSame says that this build's own library is what go1.8 names.
func frozenIsSame() bool {
	var minor int
	_, err := fmt.Sscanf(strings.TrimPrefix(runtime.Version(), "devel "), "go1.%d", &minor)
	return err == nil && minor <= 26
}

func stdGzip(t testing.TB, tar []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(tar)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mustFind returns what makes b, after making it in every way.
func mustFind(t testing.TB, b, tar []byte) encoder.Recipe {
	t.Helper()
	r, err := encoder.Find(context.Background(), blob.Bytes(b), int64(len(b)), encoder.Options{})
	if err != nil {
		t.Fatalf("finding: %v", err)
	}
	if r.Size != int64(len(tar)) {
		t.Errorf("the tar has %d bytes, not %d", r.Size, len(tar))
	}
	check(t, r, b, tar)
	return r
}

func check(t testing.TB, r encoder.Recipe, b, tar []byte) {
	t.Helper()
	var out bytes.Buffer
	w, err := r.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	for rest := tar; len(rest) > 0; {
		n, err := w.Write(rest[:min(len(rest), 77777)])
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), b) {
		t.Errorf("%s: the writer makes other bytes", r.Encoder)
	}
	for _, jobs := range []int{1, 3} {
		out.Reset()
		if err := r.Encode(context.Background(), &out, bytes.NewReader(tar), int64(len(tar)), jobs); err != nil {
			t.Fatalf("%s, %d jobs: %v", r.Encoder, jobs, err)
		}
		if !bytes.Equal(out.Bytes(), b) {
			t.Errorf("%s: %d jobs make other bytes", r.Encoder, jobs)
		}
	}
}

func TestPlain(t *testing.T) {
	for _, tar := range []string{"", "x", "\x1f\x8b no gzip", strings.Repeat("tar ", 1000)} {
		if r := mustFind(t, []byte(tar), []byte(tar)); r.Wrap != encoder.Plain {
			t.Errorf("%q is %q", tar, r.Wrap)
		}
	}
}

func TestGo(t *testing.T) {
	if !frozenIsSame() {
		t.Skip("this build has another compress/flate")
	}
	for _, size := range []int{0, 1, 100, 65535, 400_000} {
		tar := content(uint64(size), size)
		for level := -2; level <= 9; level++ {
			r := mustFind(t, stdGzip(t, tar, level), tar)
			if !strings.HasPrefix(r.Encoder, "go1.8/") {
				t.Errorf("%d bytes at level %d: %s", size, level, r.Encoder)
			}
		}
	}
}

func TestGoInParallel(t *testing.T) {
	if !frozenIsSame() {
		t.Skip("this build has another compress/flate")
	}
	tar := content(1, 5<<20+100_000)
	copy(tar[1<<20:], make([]byte, 1<<20))
	for _, level := range []int{1, 4, 6} {
		r := mustFind(t, stdGzip(t, tar, level), tar)
		if got := len(r.Checkpoints); level >= 4 && (got != 1) || level < 4 && got != 0 {
			t.Errorf("level %d has %d checkpoints", level, got)
		}
		again(t, r)
	}
}

// again takes a recipe through its two forms.
func again(t *testing.T, r encoder.Recipe) {
	t.Helper()
	b, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	got, err := encoder.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, got); d != "" {
		t.Error(d)
	}
}

func TestUnknown(t *testing.T) {
	tar := content(3, 100_000)
	good := stdGzip(t, tar, 6)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	sum := bytes.Clone(good)
	sum[len(sum)-6] ^= 1
	for name, b := range map[string][]byte{
		"cut":       good[:len(good)-9],
		"header":    good[:10],
		"more":      append(bytes.Clone(good), 0),
		"twice":     append(bytes.Clone(good), good...),
		"damaged":   flipped,
		"wrong sum": sum,
	} {
		if _, err := encoder.Find(context.Background(), blob.Bytes(b), int64(len(b)), encoder.Options{}); !errors.Is(err, encoder.ErrUnknown) || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTarAtHand(t *testing.T) {
	tar := content(4, 3<<20)
	b := stdGzip(t, tar, 1)
	r, err := encoder.Find(context.Background(), blob.Bytes(b), int64(len(b)), encoder.Options{Tar: blob.Bytes(tar)})
	if err != nil {
		t.Fatal(err)
	}
	check(t, r, b, tar)
	tar[len(tar)-1] ^= 1 // not its tar
	if _, err := encoder.Find(context.Background(), blob.Bytes(b), int64(len(b)), encoder.Options{Tar: blob.Bytes(tar)}); !errors.Is(err, encoder.ErrUnknown) {
		t.Error(err)
	}
}

func TestInterrupted(t *testing.T) {
	tar := content(6, 700_000)
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	b := make1(t, "pgzip-kp1.18.5/5/256KiB", pgzipHeader, tar)
	if _, err := encoder.Find(ctx, blob.Bytes(b), int64(len(b)), encoder.Options{}); !errors.Is(err, enough) {
		t.Errorf("finding: %v", err)
	}
	r := encoder.Recipe{Wrap: encoder.Gzip, Encoder: "pgzip-kp1.18.5/5/256KiB", Header: pgzipHeader, Size: int64(len(tar))}
	for _, jobs := range []int{1, 2} {
		if err := r.Encode(ctx, io.Discard, bytes.NewReader(tar), r.Size, jobs); !errors.Is(err, enough) {
			t.Errorf("%d jobs: %v", jobs, err)
		}
	}
}

// A tar or a blob that breaks is told as what it is, on one core and on several.
func TestBroken(t *testing.T) {
	tar := content(7, 700_000)
	r := encoder.Recipe{Wrap: encoder.Gzip, Encoder: "pgzip-kp1.18.5/5/256KiB", Header: pgzipHeader, Size: int64(len(tar))}
	full := errors.New("full")
	for _, jobs := range []int{1, 2} {
		err := r.Encode(context.Background(), io.Discard, bytes.NewReader(tar[:600_000]), r.Size, jobs)
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%d jobs, a tar that ends too soon: %v", jobs, err)
		}
		if err := r.Encode(context.Background(), refuser{full}, bytes.NewReader(tar), r.Size, jobs); !errors.Is(err, full) {
			t.Errorf("%d jobs: %v", jobs, err)
		}
	}
	gone := errors.New("gone")
	open := func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(make1(t, "go1.8/6", header, tar)[:90_000]), iotest.ErrReader(gone))), nil
	}
	if _, err := encoder.Find(context.Background(), open, 200_000, encoder.Options{}); !errors.Is(err, gone) || errors.Is(err, encoder.ErrUnknown) {
		t.Error(err)
	}
}

type refuser struct{ err error }

func (r refuser) Write([]byte) (int, error) { return 0, r.err }
