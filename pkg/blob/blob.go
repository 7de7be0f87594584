// Package blob is about bytes that are named by their digest: opening them
// again, from any offset, and trusting them only once they match.
package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// An Opener opens one blob's bytes from offset on: length of them, or all the
// rest if length is negative. It may be called any number of times, also
// concurrently; every reader it returns is closed by whoever called it. The
// bytes are as the place holds them, not verified: read them through [Verify].
// An offset beyond the end is an error.
type Opener func(ctx context.Context, offset, length int64) (io.ReadCloser, error)

// Bytes returns an Opener of b, which must not change any more.
func Bytes(b []byte) Opener {
	return func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		if offset < 0 || offset > int64(len(b)) {
			return nil, ErrOffset
		}
		rest := b[offset:]
		if length >= 0 && length < int64(len(rest)) {
			rest = rest[:length]
		}
		return io.NopCloser(bytes.NewReader(rest)), nil
	}
}

// ErrOffset is returned when a blob is opened beyond its end.
var ErrOffset = errors.New("offset is beyond the end of the content")

// bufferBytes is the size of a copy buffer: large enough that system calls and
// hashing run in long strides, small enough that a dozen copies stay far below
// the memory that a command may use.
const bufferBytes = 256 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferBytes); return &b }}

// Copy copies src to dst until io.EOF or the first error, and stops between
// two reads when ctx ends. It returns the number of bytes written.
func Copy(ctx context.Context, dst io.Writer, src io.Reader) (int64, error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	// The wrappers hide ReadFrom and WriteTo, which would bypass ctx and the buffer.
	return io.CopyBuffer(struct{ io.Writer }{dst}, ctxReader{ctx, src}, *buf)
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// ReadAll reads, verifies and returns the blob d, which must not be larger than
// maxBytes. Only manifests, configs and other bounded documents are read this way.
func ReadAll(ctx context.Context, open Opener, d v1.Descriptor, maxBytes int64) ([]byte, error) {
	if d.Size > maxBytes {
		return nil, &SizeError{Digest: d.Digest, Size: d.Size, Max: maxBytes}
	}
	rc, err := open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	r := Verify(rc, d)
	var buf bytes.Buffer
	buf.Grow(int(max(d.Size, 0)))
	_, err = Copy(ctx, &buf, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
