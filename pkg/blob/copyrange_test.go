package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
)

// TestCopyRange: what is copied and what is then left to read make up the whole,
// whether the system could do something or not.
func TestCopyRange(t *testing.T) {
	dir := t.TempDir()
	content := bytes.Repeat([]byte("0123456789abcde"), 700_000) // three strides
	path := filepath.Join(dir, "src")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		offset, length, most int64
		hide                 bool
	}{
		"whole":      {0, -1, int64(len(content)), false},
		"part":       {5, 9_000_000, 9_000_000, false},
		"beginning":  {0, -1, 1000, false},
		"more":       {0, 1000, 5000, false},
		"not a file": {0, -1, int64(len(content)), true},
	} {
		t.Run(name, func(t *testing.T) {
			dst, err := os.Create(filepath.Join(t.TempDir(), "dst"))
			if err != nil {
				t.Fatal(err)
			}
			defer dst.Close()
			rc, err := blob.File(path)(t.Context(), tt.offset, tt.length)
			if err != nil {
				t.Fatal(err)
			}
			defer rc.Close()
			var r io.Reader = rc
			if tt.hide {
				r = struct{ io.Reader }{rc}
			}
			var told int64
			n, err := blob.CopyRange(t.Context(), dst, 3, r, tt.most, func(n int64) error { told += n; return nil })
			if err != nil || told != n || n > tt.most || tt.hide && n != 0 {
				t.Fatalf("%d bytes, %d told of, %v", n, told, err)
			}
			rest, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := dst.WriteAt(rest, 3+n); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(dst.Name())
			want := content[tt.offset:]
			if tt.length >= 0 {
				want = want[:tt.length]
			}
			if err != nil || !bytes.Equal(got[3:], want) {
				t.Errorf("%d bytes are there, %v", len(got), err)
			}
		})
	}
}

func TestCopyRangeStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "src")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	rc, err := blob.File(path)(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	dst, err := os.Create(path + "2")
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := blob.CopyRange(ctx, dst, 0, rc, 7, nil); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
}

// BenchmarkCopyRange holds it against what it saves: reading, hashing and writing.
func BenchmarkCopyRange(b *testing.B) {
	dir := b.TempDir()
	content := bytes.Repeat([]byte("0123456789abcdef"), 16<<20/16)
	path := filepath.Join(dir, "src")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	d := describe(b, string(content))
	for name, move := range map[string]func(dst *os.File, rc io.ReadCloser) error{
		"by the system": func(dst *os.File, rc io.ReadCloser) error {
			_, err := blob.CopyRange(b.Context(), dst, 0, rc, d.Size, nil)
			return err
		},
		"verifying": func(dst *os.File, rc io.ReadCloser) error {
			_, err := blob.Copy(b.Context(), io.NewOffsetWriter(dst, 0), blob.Verify(rc, d))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			dst, err := os.Create(filepath.Join(b.TempDir(), "dst"))
			if err != nil {
				b.Fatal(err)
			}
			defer dst.Close()
			b.SetBytes(d.Size)
			for b.Loop() {
				rc, err := blob.File(path)(b.Context(), 0, -1)
				if err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(move(dst, rc), rc.Close()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
