package delta

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
)

// open opens what b unpacks to, or b as it is stored if packed. What is read is
// verified: it ends with io.EOF only if b is what its descriptor says. It is at
// most limit bytes long.
func (b Blob) open(ctx context.Context, packed bool, limit int64, p *progress) (io.ReadCloser, error) {
	rc, err := b.Open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	v := blob.Verify(rc, b.held())
	counted := &counter{ctx, v, p, 1}
	if packed {
		return &unpacked{r: counted, raw: counted, rc: v, left: limit}, nil
	}
	z, err := compress.NewReader(counted, compress.Limits{})
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &unpacked{r: z, raw: counted, z: z, rc: v, left: limit}, nil
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
