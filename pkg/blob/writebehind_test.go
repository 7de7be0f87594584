package blob_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
)

func TestWriteBehind(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("before"); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcde"), 2<<20) // 30 MiB: more than once behind
	w := &blob.WriteBehind{File: f, Offset: 6}
	if n, err := io.Copy(w, struct{ io.Reader }{bytes.NewReader(content)}); n != int64(len(content)) || err != nil {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if w.Offset != 6+int64(len(content)) {
		t.Errorf("it is at %d", w.Offset)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("written to a closed file")
	}
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got, append([]byte("before"), content...)) {
		t.Errorf("read %d bytes back, %v", len(got), err)
	}
}
