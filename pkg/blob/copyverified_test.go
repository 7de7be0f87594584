package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dray-oci/dray/pkg/blob"
)

// TestVerifierCopy: what is copied is what was verified, however it comes.
func TestVerifierCopy(t *testing.T) {
	for _, size := range []int{0, 1, 512 << 10, 512<<10 + 1, 7<<20 + 7} {
		content := strings.Repeat("dray", size/4+1)[:size]
		want := describe(t, content)
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "with the end": iotest.DataErrReader,
		} {
			v, err := blob.NewVerifier(want)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			n, err := v.Copy(t.Context(), &got, wrap(strings.NewReader(content)))
			if err = errors.Join(err, v.Check()); err != nil || n != int64(size) || got.String() != content {
				t.Errorf("%d bytes, %s: %d copied, %v", size, name, n, err)
			}
		}
	}
}

// failing fails after some bytes.
type failing struct {
	bytes.Buffer
	most int
}

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	n, err := f.Buffer.Write(p[:min(len(p), f.most-f.Len())])
	if err == nil && n < len(p) {
		err = errFull
	}
	return n, err
}

// lossy loses a byte, and does not say so.
type lossy struct{}

func (lossy) Write(p []byte) (int, error) { return len(p) - 1, nil }

// TestVerifierCopyStops: it can go on where it was cut; what is too much, or could not be
// written, is an error.
func TestVerifierCopyStops(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 200_000)
	want := describe(t, content)
	cut := errors.New("cut")
	v, _ := blob.NewVerifier(want)
	var got bytes.Buffer
	n, err := v.Copy(t.Context(), &got, io.MultiReader(strings.NewReader(content[:1_700_001]), iotest.ErrReader(cut)))
	if !errors.Is(err, cut) || n != 1_700_001 || v.N() != n || got.String() != content[:n] {
		t.Errorf("cut: %d, %d seen, %v", n, v.N(), err)
	}
	if m, err := v.Copy(t.Context(), &got, strings.NewReader(content[n:])); err != nil || v.Check() != nil || got.String() != content {
		t.Errorf("afterwards: %d more, %v, %v", m, err, v.Check())
	}

	v, _ = blob.NewVerifier(want)
	got.Reset()
	n, err = v.Copy(t.Context(), &got, strings.NewReader(content+"x"))
	if !errors.Is(err, blob.ErrMismatch) || int64(got.Len()) != n || n > want.Size {
		t.Errorf("too much: %d written, %v", n, err)
	}

	v, _ = blob.NewVerifier(want)
	f := &failing{most: 1_300_000}
	if n, err := v.Copy(t.Context(), f, strings.NewReader(content)); !errors.Is(err, errFull) || n != 1_300_000 || v.N() < n {
		t.Errorf("full: %d written, %d seen, %v", n, v.N(), err)
	}

	v, _ = blob.NewVerifier(want)
	if n, err := v.Copy(t.Context(), lossy{}, strings.NewReader(content)); !errors.Is(err, io.ErrShortWrite) || n != 512<<10-1 {
		t.Errorf("lost: %d written, %v", n, err)
	}

	v, _ = blob.NewVerifier(want)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cut)
	if n, err := v.Copy(ctx, io.Discard, strings.NewReader(content)); n != 0 || !errors.Is(err, cut) {
		t.Errorf("ended: %d written, %v", n, err)
	}
}
