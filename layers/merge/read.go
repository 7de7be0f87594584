package merge

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/tario"
)

// Bounds on what is read from outside.
const (
	maxTableBytes = 1 << 30 // of all tables of a Budget: some four million files
	entryBytes    = 240     // what an entry takes beside its names and records
	maxDepth      = 1024    // folders within folders; PATH_MAX allows twice that
	maxLinks      = 40      // that Linux follows in one name
)

// A Budget bounds the tables of several layers together. The zero value is
// ready; nil is no bound. It is safe for concurrent use.
type Budget struct {
	MaxBytes int64 // 0 means 1 GiB
	used     atomic.Int64
}

func (b *Budget) take(n int64) error {
	if b == nil {
		return nil
	}
	limit := b.MaxBytes
	if limit <= 0 {
		limit = maxTableBytes
	}
	if b.used.Add(n) > limit {
		return ErrTooLarge
	}
	return nil
}

// Options say how to read a layer. The zero value keeps headers only, without a bound.
type Options struct {
	Layer  int  // its number, from the bottom
	Fold   bool // upper and lower case of names are the same, as on Windows
	Budget *Budget
	// Sum, if set, reads the content of every regular file, and what it returns is kept.
	Sum func(io.Reader) (uint64, error)
}

// Read reads the plain tar r to its end, also what follows the end of the archive,
// and returns the table of its headers. An error is one of r or ctx, or wraps
// [ErrInvalid] or [ErrTooLarge].
func Read(ctx context.Context, r io.Reader, o Options) (*Table, error) {
	b := newBuilder(o)
	err := Entries(ctx, r, func(i int, h *tar.Header, content io.Reader) error {
		b.index = i
		return b.add(h, content)
	})
	if err != nil {
		return nil, err
	}
	return b.Table, nil
}

// Headers returns the table of the headers that each hands to its argument, which ends
// with the first error that it returns. Their contents are not to be had: see Options.Sum.
func Headers(each func(func(*tar.Header) error) error, o Options) (*Table, error) {
	o.Sum = nil
	b := newBuilder(o)
	err := each(func(h *tar.Header) error {
		err := b.add(h, nil)
		b.index++
		return err
	})
	if err != nil {
		return nil, err
	}
	return b.Table, nil
}

// Entries calls visit for every entry of the plain tar r with its number, from 0.
// What visit leaves of the content is skipped. Then r is read to its end.
func Entries(ctx context.Context, r io.Reader, visit func(i int, h *tar.Header, content io.Reader) error) error {
	tr := tar.NewReader(r)
	for i := 0; ; i++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err := blob.Copy(ctx, io.Discard, r)
			return err
		}
		if err != nil {
			return readError(err)
		}
		if err := visit(i, h, content{ctx, tr}); err != nil {
			return err
		}
	}
}

// content keeps a tar that ends within a file from passing for the file's end, and
// ends with the context of the walk that it belongs to.
type content struct {
	ctx context.Context
	r   io.Reader
}

func (c content) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		err = readError(err)
	}
	return n, err
}

// readError tells the tar's own faults from those of what it is read from.
func readError(err error) error {
	switch {
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fmt.Errorf("reading tar: %w: %w", err, ErrInvalid)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("reading tar: %w: %w", io.ErrUnexpectedEOF, ErrInvalid)
	}
	return fmt.Errorf("reading tar: %w", err)
}

// A builder fills a Table.
type builder struct {
	*Table
	o      Options
	index  int
	owners map[Owner]*Owner
}

func newBuilder(o Options) *builder {
	return &builder{
		Table: &Table{layer: o.Layer, fold: o.Fold, root: &node{layer: o.Layer, kids: map[string]*node{}}},
		o:     o, owners: map[Owner]*Owner{},
	}
}

func (b *builder) add(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	b.Entries++
	name, err := tario.CleanName(h.Name)
	if err != nil {
		return err
	}
	if strings.Count(name, "/") > maxDepth {
		return fmt.Errorf("%.100q is more than %d folders deep: %w", name, maxDepth, ErrInvalid)
	}
	dir, base := path.Split(name)
	if strings.HasPrefix(base, Whiteout) && !strings.HasPrefix(base, aufsPrefix) || base == OpaqueMark {
		return b.hide(dir, base)
	}
	f, err := b.newFile(h)
	if err != nil {
		return err
	}
	if err := b.o.Budget.take(cost(name, f)); err != nil {
		return err
	}
	if f.Type == tar.TypeReg {
		b.Bytes += f.Size
		if b.o.Sum != nil {
			if f.Sum, err = b.o.Sum(content); err != nil {
				return err
			}
		}
	}
	return b.put(name, f)
}

func cost(name string, f *File) int64 {
	n := entryBytes + len(name) + len(f.Link)
	for k, v := range f.Records {
		n += 64 + len(k) + len(v)
	}
	return int64(n)
}
