package encoder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bounds on what is inflated, as pkg/compress has them.
const (
	maxWindow = 128 << 20
	maxRatio  = 1100
	freeBytes = 64 << 20
)

var errBomb = errors.New("it becomes larger than anything honest")

// inflate opens the tar out of the blob.
func (f *finder) inflate(ctx context.Context, _, _ int64) (io.ReadCloser, error) {
	blob, err := f.open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	i := &inflated{src: &source{r: blob}, f: f, close: blob.Close}
	if bytes.HasPrefix(f.head, zstdMagic) {
		err = i.startZstd()
	} else {
		i.z, err = gzip.NewReader(i.src)
	}
	if err != nil {
		return nil, errors.Join(f.damaged(i.src, err), i.Close())
	}
	return i, nil
}

// damaged says whether it is the blob that is at fault or whoever delivers it.
func (f *finder) damaged(src *source, err error) error {
	if src.err == nil {
		f.broken = fmt.Errorf("%w: inflating: %w", ErrUnknown, noEOF(err))
		return f.broken
	}
	return err
}

func (f *finder) blame(err error) error {
	if f.broken != nil {
		return f.broken
	}
	return fmt.Errorf("reading the tar: %w", err)
}

type inflated struct {
	z     io.Reader
	n     int64 // bytes that came out
	src   *source
	f     *finder
	close func() error
}

func (i *inflated) startZstd() error {
	z, err := zstd.NewReader(i.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(math.MaxInt64))
	if err != nil {
		return err
	}
	end := i.close
	i.z, i.close = z, func() error {
		z.Close()
		return end()
	}
	return nil
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.z.Read(p)
	i.n += int64(n)
	if i.n > freeBytes && i.n/maxRatio > i.f.size {
		err = errBomb
	}
	if err != nil && err != io.EOF {
		err = i.f.damaged(i.src, err)
	}
	return n, err
}

func (i *inflated) Close() error { return i.close() }
