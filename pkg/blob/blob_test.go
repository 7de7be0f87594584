package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
)

func describe(t testing.TB, s string) v1.Descriptor {
	t.Helper()
	h, n, err := v1.SHA256(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{Digest: h, Size: n}
}

func TestVerify(t *testing.T) {
	want := describe(t, "content")
	bad := want
	bad.Digest.Hex = strings.Repeat("0", 64)
	md5 := want
	md5.Digest.Algorithm = "md5"
	negative := want
	negative.Size = -1
	for _, tt := range []struct {
		name, content string
		d             v1.Descriptor
		ok, mismatch  bool
	}{
		{"right", "content", want, true, false},
		{"empty", "", describe(t, ""), true, false},
		{"short", "conten", want, false, true},
		{"long", "contents", want, false, true},
		{"nothing", "", want, false, true},
		{"other digest", "content", bad, false, true},
		{"unknown algorithm", "content", md5, false, false},
		{"negative size", "content", negative, false, false},
	} {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
		} {
			r := blob.Verify(io.NopCloser(wrap(strings.NewReader(tt.content))), tt.d)
			got, err := io.ReadAll(r)
			if (err == nil) != tt.ok || errors.Is(err, blob.ErrMismatch) != tt.mismatch {
				t.Errorf("%s: error %v", tt.name, err)
			}
			if errors.Is(err, io.EOF) {
				t.Errorf("%s: %v passes for io.EOF", tt.name, err)
			}
			if tt.ok && string(got) != tt.content {
				t.Errorf("%s: read %q", tt.name, got)
			}
			if _, again := r.Read(make([]byte, 1)); (again == io.EOF) != tt.ok {
				t.Errorf("%s: read again: %v", tt.name, again)
			}
		}
	}
}

func TestVerifyPassesReadErrorsOn(t *testing.T) {
	cut := errors.New("cut")
	r := blob.Verify(io.NopCloser(io.MultiReader(strings.NewReader("con"), iotest.ErrReader(cut))), describe(t, "content"))
	if _, err := io.ReadAll(r); !errors.Is(err, cut) || errors.Is(err, blob.ErrMismatch) {
		t.Errorf("got %v", err)
	}
}

func TestOpeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]blob.Opener{"bytes": blob.Bytes([]byte("0123456789")), "file": blob.File(path)} {
		for _, tt := range []struct {
			off, n int64
			want   string
			err    error
		}{
			{0, -1, "0123456789", nil},
			{0, 3, "012", nil},
			{4, -1, "456789", nil},
			{4, 2, "45", nil},
			{4, 100, "456789", nil},
			{10, -1, "", nil},
			{11, -1, "", blob.ErrOffset},
			{-1, -1, "", blob.ErrOffset},
		} {
			rc, err := open(t.Context(), tt.off, tt.n)
			if !errors.Is(err, tt.err) {
				t.Errorf("%s %d+%d: error %v, want %v", name, tt.off, tt.n, err, tt.err)
			}
			if err != nil {
				continue
			}
			got, err := io.ReadAll(rc)
			if err != nil || string(got) != tt.want {
				t.Errorf("%s %d+%d: %q, %v", name, tt.off, tt.n, got, err)
			}
			if err := rc.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestReadAll(t *testing.T) {
	d := describe(t, "content")
	open := blob.Bytes([]byte("content"))
	if b, err := blob.ReadAll(t.Context(), open, d, 7); err != nil || string(b) != "content" {
		t.Errorf("%q, %v", b, err)
	}
	var size *blob.SizeError
	if _, err := blob.ReadAll(t.Context(), open, d, 6); !errors.As(err, &size) {
		t.Errorf("too large: %v", err)
	}
	if _, err := blob.ReadAll(t.Context(), blob.Bytes([]byte("c0ntent")), d, 7); !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("other bytes: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := blob.ReadAll(ctx, open, d, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func ExampleVerify() {
	hash, size, _ := v1.SHA256(strings.NewReader("hello"))
	rc := io.NopCloser(strings.NewReader("hell0"))
	_, err := io.ReadAll(blob.Verify(rc, v1.Descriptor{Digest: hash, Size: size}))
	fmt.Println(errors.Is(err, blob.ErrMismatch))
	// Output: true
}

func BenchmarkVerify(b *testing.B) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	hash, size, _ := v1.SHA256(bytes.NewReader(content))
	d := v1.Descriptor{Digest: hash, Size: size}
	b.Run("plain sha256", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, _, err := v1.SHA256(bytes.NewReader(content)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verifying copy", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := blob.Copy(b.Context(), io.Discard, blob.Verify(io.NopCloser(bytes.NewReader(content)), d)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
