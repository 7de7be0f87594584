package compress

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// NewWriter returns a writer that compresses to w. Equal input gives equal
// output on every machine, whatever the sizes of the writes. Closing it ends the
// stream and does not close w.
func NewWriter(w io.Writer, k Kind) (io.WriteCloser, error) {
	switch k {
	case None:
		return nopCloser{w}, nil
	case Gzip:
		return gzip.NewWriterLevel(w, gzip.DefaultCompression)
	case Zstd:
		// One worker: the output is the same with more, the memory is not.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nil, fmt.Errorf("compression %q is not known", string(k))
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
