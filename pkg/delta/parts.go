package delta

import (
	"bytes"
	"context"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/blob"
)

// parts are the parts of a recipe that is being made, in their order.
type parts []part

type part struct {
	io.ReaderAt
	n int64
}

func (p parts) size() (n int64) {
	for _, x := range p {
		n += x.n
	}
	return n
}

// open is an Opener of all parts as one.
func (p parts) open(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || offset > p.size() {
		return nil, blob.ErrOffset
	}
	if length < 0 {
		length = p.size() - offset
	}
	var rs []io.Reader
	for _, x := range p {
		skip := min(offset, x.n)
		offset -= skip
		rs = append(rs, io.NewSectionReader(x, skip, x.n-skip))
	}
	return io.NopCloser(io.LimitReader(io.MultiReader(rs...), length)), nil
}

func (p parts) writeTo(ctx context.Context, w io.Writer) error {
	r, err := p.open(ctx, 0, -1)
	if err != nil {
		return err
	}
	_, err = blob.Copy(ctx, w, r)
	return err
}

// parts puts the recipe together.
func (m *maker) parts() (parts, error) {
	z, err := newZstd(nil, zstd.SpeedBetterCompression)
	if err != nil {
		return nil, err
	}
	program := z.EncodeAll(m.program, nil)
	m.program = nil
	m.head.Window = windowBytes
	m.head.Sections = Sections{
		Encoder: int64(len(m.encoder)), Program: int64(len(program)),
		New: m.sections.n, Changes: m.changes.n, Tokens: m.tokens.n,
	}
	if err := m.head.check(); err != nil {
		return nil, err
	}
	head, err := m.head.bytes()
	if err != nil {
		return nil, err
	}
	of := func(b []byte) part { return part{bytes.NewReader(b), int64(len(b))} }
	return parts{of(head), of(m.encoder), of(program), {m.sections, m.sections.n}, {m.changes, m.changes.n}, {m.tokens, m.tokens.n}}, nil
}
