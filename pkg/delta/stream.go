package delta

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/delta/tokens"
)

// open opens what b unpacks to, or b as it is stored if packed. What is read is
// verified: it ends with io.EOF only if b is what its descriptor says. It is at
// most limit bytes long.
func (b Blob) open(ctx context.Context, packed bool, limit int64, p *progress) (io.ReadCloser, error) {
	raw, v, err := b.openRaw(ctx, p)
	if err != nil {
		return nil, err
	}
	if packed {
		return &unpacked{r: raw, raw: raw, rc: v, left: limit}, nil
	}
	z, err := compress.NewReader(raw, compress.Limits{})
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &unpacked{r: z, raw: raw, z: z, rc: v, left: limit}, nil
}

// openTokens is open for a gzip blob, whose hints go to hints.
func (b Blob) openTokens(ctx context.Context, limit int64, hints *hintWriter, p *progress) (io.ReadCloser, error) {
	raw, v, err := b.openRaw(ctx, p)
	if err != nil {
		return nil, err
	}
	return &unpacked{r: &hinting{r: tokens.NewReader(raw), w: hints}, raw: raw, rc: v, left: limit}, nil
}

// openRaw opens b as it is stored; what is to be closed is v.
func (b Blob) openRaw(ctx context.Context, p *progress) (raw io.Reader, v io.Closer, err error) {
	rc, err := b.Open(ctx, 0, -1)
	if err != nil {
		return nil, nil, err
	}
	verified := blob.Verify(rc, b.held())
	return &counter{ctx, verified, p, 1}, verified, nil
}

// unpacked reads a blob to its very end, so that it is verified: what follows the
// end of a compressed stream is read too.
type unpacked struct {
	r    io.Reader
	raw  io.Reader
	z    io.Closer
	rc   io.Closer
	left int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.left -= int64(n)
	if u.left < 0 {
		return 0, fmt.Errorf("it unpacks to more than it may: %w", compress.ErrBomb)
	}
	if err == io.EOF { // a wrapped one is no end
		if _, rerr := io.Copy(io.Discard, u.raw); rerr != nil {
			return n, rerr
		}
	}
	return n, err
}

func (u *unpacked) Close() error {
	if u.z != nil {
		_ = u.z.Close() // what it returns, Read has returned
	}
	return u.rc.Close()
}
