package compress_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dray-oci/dray/pkg/compress"
)

func TestReadAhead(t *testing.T) {
	content := make([]byte, 3<<20+17) // more than the blocks hold
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	blocks := compress.Blocks()
	for range 2 { // the blocks are used again
		var seen bytes.Buffer
		a := compress.ReadAhead(iotest.HalfReader(bytes.NewReader(content)), blocks, &seen)
		got, err := io.ReadAll(a)
		a.Close()
		if err != nil || !bytes.Equal(got, content) || !bytes.Equal(seen.Bytes(), content) {
			t.Errorf("%d bytes, %d of them seen, %v", len(got), seen.Len(), err)
		}
	}
}

// TestReadAheadFails: what was read before the error comes before it.
func TestReadAheadFails(t *testing.T) {
	broken := errors.New("disk on fire")
	a := compress.ReadAhead(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), compress.Blocks(), nil)
	defer a.Close()
	got, err := io.ReadAll(a)
	if string(got) != "abc" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestReadAheadStops: what has no end is not read to it, and not after Close.
func TestReadAheadStops(t *testing.T) {
	r := new(endless)
	a := compress.ReadAhead(r, compress.Blocks(), nil)
	if _, err := io.ReadFull(a, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	a.Close()
	r.closed = true // a race if it were still read
}

type endless struct{ closed bool }

func (e *endless) Read(p []byte) (int, error) {
	if e.closed {
		panic("read after close")
	}
	return min(len(p), 1000), nil
}
