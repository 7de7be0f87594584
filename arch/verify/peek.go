package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// A peeker looks at single files of layers of which only the table of contents was read.
type peeker struct {
	ctx    context.Context // of the one image that it serves
	src    place.Ranger
	layers []v1.Descriptor
	exe    exe.Reader
	seen   map[v1.Hash]map[rootfs.Content]*exe.File // by layer; the same way is gone more than once
	err    error                                    // the first of the place
}

// peek adds to f what its content says. Where it cannot be read it says nothing.
func (p *peeker) peek(t *rootfs.Tree, f *rootfs.Found) {
	c, ok := t.Content(*f)
	if p == nil || !ok || f.Node.Exe != nil || p.err != nil {
		return
	}
	d := p.layers[f.Layer]
	if file, ok := p.seen[d.Digest][c]; ok {
		f.Node.Exe = file
		return
	}
	file, err := p.read(d, c)
	if err != nil {
		p.err = fmt.Errorf("reading /%s: %w", f.Path, err)
		return
	}
	f.Node.Exe = file
	if p.seen[d.Digest] == nil {
		p.seen[d.Digest] = map[rootfs.Content]*exe.File{}
	}
	p.seen[d.Digest][c] = file
}

func (p *peeker) read(d v1.Descriptor, c rootfs.Content) (f *exe.File, err error) {
	if c.Size == 0 {
		return nil, nil
	}
	rc, err := p.src.OpenRange(p.ctx, d, c.Offset, -1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rc.Close()) }()
	z, err := compress.NewReader(&source{ReadCloser: rc, ctx: p.ctx, d: d}, compress.Limits{})
	if err != nil {
		return nil, err
	}
	defer z.Close() // only read
	if _, err := io.CopyN(io.Discard, z, c.Inner); err != nil {
		return nil, err
	}
	return p.exe.Read(io.LimitReader(z, c.Size), c.Size)
}
