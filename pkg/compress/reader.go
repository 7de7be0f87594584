package compress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bounds on what is decompressed.
const (
	// maxWindow is how far back a zstd stream may point, and so what reading it
	// costs in memory: what zstd --long=27 and containers' tools write at most.
	maxWindow = 128 << 20
	// maxRatio is how many bytes one byte may become: just above the 1032 that
	// deflate can reach, so that honest zeros pass and only zstd bombs do not.
	maxRatio = 1100
	// freeBytes may come out whatever went in.
	freeBytes = 64 << 20
)

// Errors that say that the stream is at fault, and not whoever delivers it.
var (
	// ErrBomb: it becomes larger than Limits allow.
	ErrBomb = errors.New("it becomes larger than anything honest")
	// ErrDamaged: it is cut, its checksum is wrong, or it wants too much memory.
	ErrDamaged = errors.New("the compressed stream is damaged")
)

// Limits bound what is decompressed. The zero value bounds only the ratio.
type Limits struct {
	MaxBytes int64 // of decompressed content; 0 means any number
}

// A Reader decompresses a stream. It ends with io.EOF only after the whole
// stream was read and its checksums were right.
type Reader struct {
	Kind   Kind // of the stream
	in     *counter
	out    io.Reader
	close  func() error
	n, max int64
}

// NewReader returns a reader of what r holds, which may be not compressed at
// all. Closing it does not close r.
func NewReader(r io.Reader, l Limits) (*Reader, error) {
	in := &counter{r: r}
	// The decoders have fast paths for a *bufio.Reader.
	buf := bufio.NewReaderSize(in, 64<<10)
	head, err := buf.Peek(SniffBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	d := &Reader{Kind: Sniff(head), in: in, out: buf, close: func() error { return nil }, max: l.MaxBytes}
	if d.max <= 0 {
		d.max = math.MaxInt64
	}
	switch d.Kind {
	case Gzip:
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, d.blame(err)
		}
		// What its Close returns, Read has returned.
		d.out, d.close = z, func() error { _ = z.Close(); return nil }
	case Zstd:
		z, err := zstd.NewReader(buf, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(math.MaxInt64))
		if err != nil {
			return nil, fmt.Errorf("reading zstd: %w", err)
		}
		d.out, d.close = z, func() error { z.Close(); return nil }
	}
	return d, nil
}

// Read implements io.Reader.
func (d *Reader) Read(p []byte) (int, error) {
	n, err := d.out.Read(p)
	d.n += int64(n)
	switch {
	case d.n > d.max:
		return 0, fmt.Errorf("more than %d bytes: %w", d.max, ErrBomb)
	case d.n > freeBytes && d.n/maxRatio > d.in.n:
		return 0, fmt.Errorf("%d bytes of %s became %d: %w", d.in.n, d.Kind, d.n, ErrBomb)
	case err == nil || err == io.EOF: // a wrapped one is no end
		return n, err
	}
	return n, d.blame(err)
}

// blame says of an error that did not come from the source that the stream is
// damaged, and keeps one that ends too soon from passing for a clean end.
func (d *Reader) blame(err error) error {
	if d.in.err != nil || d.Kind == None {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %s: %w: %w", d.Kind, ErrDamaged, err)
}

// Close releases what the reader holds.
func (d *Reader) Close() error { return d.close() }

// counter counts what was read, up to a buffer more than what was decoded.
type counter struct {
	r   io.Reader
	n   int64
	err error // other than io.EOF
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
