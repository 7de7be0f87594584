package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/pkg/blob"
)

// Options say how to read a layer. The zero value looks at no file and has no bound.
type Options struct {
	Budget *Budget
	Exe    *exe.Reader // judges executables; nil looks at none
}

// Read reads the plain tar r to its end, also what follows the end of the archive, and
// returns its table. What is read is not kept but for the table. An error may be
// one of r, of ctx, [ErrTooLarge], or say that it is no tar.
func Read(ctx context.Context, r io.Reader, o Options) (*Layer, error) {
	b := newBuilder(o.Budget)
	if err := b.read(ctx, r, o.Exe); err != nil {
		o.Budget.Release(b.Layer)
		return nil, err
	}
	return b.Layer, nil
}

func (b *builder) read(ctx context.Context, r io.Reader, x *exe.Reader) error {
	tr := tar.NewReader(r)
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err := blob.Copy(ctx, io.Discard, r)
			return err
		}
		if err != nil {
			return fmt.Errorf("reading tar: %w", noEOF(err))
		}
		n := newNode(h)
		if n.Kind == File && x != nil && !isSparse(h) {
			if n.Exe, err = x.Read(tr, h.Size); err != nil {
				return fmt.Errorf("reading tar: %.200q: %w", h.Name, noEOF(err))
			}
		}
		if err := b.add(strings.Clone(h.Name), n); err != nil {
			return err
		}
	}
}

// isSparse reports whether the file has holes, which a few bytes can make as large as
// they like: such a file is not looked at.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

func newNode(h *tar.Header) Node {
	n := Node{Kind: Device, Mode: uint16(h.Mode & 0o7777)}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		n.Kind = File
	case tar.TypeDir:
		n.Kind = Dir
	case tar.TypeSymlink:
		n.Kind, n.Link = Symlink, strings.Clone(h.Linkname)
	case tar.TypeLink:
		n.Kind, n.Link = Link, strings.Clone(h.Linkname)
	}
	return n
}

// noEOF keeps a tar that ends too soon from passing for a clean end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
