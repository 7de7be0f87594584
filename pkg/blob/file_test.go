package blob_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
)

func TestInFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	rc, err := blob.File(path)(t.Context(), 2, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(rc, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	f, left := blob.FileOf(rc)
	if f == nil || left != 5 {
		t.Fatalf("%v, %d bytes", f, left)
	}
	taken := make([]byte, 3)
	if _, err := io.ReadFull(f, taken); err != nil || string(taken) != "345" {
		t.Errorf("%q, %v", taken, err)
	}
	blob.Moved(rc, 3)
	if rest, err := io.ReadAll(rc); err != nil || string(rest) != "67" {
		t.Errorf("then %q, %v", rest, err)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
	if f, left := blob.FileOf(io.LimitReader(rc, 1)); f != nil || left != 0 {
		t.Errorf("behind a reader that says nothing: %v, %d", f, left)
	}
}
