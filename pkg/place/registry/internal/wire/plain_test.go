package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// counted tells how many bytes of a file were read, and how many moved.
type counted struct {
	io.ReadCloser
	read, moved int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read += int64(n)
	return n, err
}

func (c *counted) File() (*os.File, int64) { return blob.FileOf(c.ReadCloser) }

func (c *counted) Moved(n int64) {
	blob.Moved(c.ReadCloser, n)
	c.moved += n
}

// fromFile sends a file of n bytes.
func fromFile(t *testing.T, content []byte) (*Request, *counted) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var c counted
	r := sending(http.MethodPut, "/x", content)
	r.Body = func(ctx context.Context) (rc io.ReadCloser, err error) {
		c.ReadCloser, err = blob.File(path)(ctx, 0, -1)
		return &c, err
	}
	return r, &c
}

func TestFilesAreMoved(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde"), 200_000) // 2.86 MiB: three strides
	var got []byte
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			got, _ = io.ReadAll(r.Body)
		}
	})
	r, c := fromFile(t, want)
	resp, err := host(t, s, Options{}).Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, not %d", len(got), len(want))
	}
	if c.moved != int64(len(want)) || c.read != 0 {
		t.Errorf("%d bytes were moved, %d read", c.moved, c.read)
	}
}

func TestFileThatStalls(t *testing.T) {
	hang := make(chan struct{})
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = r.Body.Read(make([]byte, 1))
			<-hang
		}
	})
	defer close(hang)
	r, _ := fromFile(t, make([]byte, 64<<20))
	err := fails(t, host(t, s, Options{StallTimeout: short, Retries: -1}), r, place.ErrUnavailable)
	if !errors.Is(err, errStalled) {
		t.Error(err)
	}
}
