package transfer

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
)

// TestMovedBytesCount: progress does not care which way bytes go.
func TestMovedBytesCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	rc, err := blob.File(path)(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	var n int64
	c := &counter{ReadCloser: rc, events: func(e event.Event) { n += e.N }}
	if _, err := io.ReadFull(c, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if f, left := blob.FileOf(c); f == nil || left != 7 {
		t.Errorf("%v, %d bytes", f, left)
	}
	c.Moved(7)
	if n != 10 {
		t.Errorf("%d bytes are counted", n)
	}
}
