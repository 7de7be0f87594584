package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// Cat writes the file that name leads to in one image of root to w, links followed.
// Layers are read from the top, and no more of them than it takes. Nothing is
// written before the layer that has the file was verified. The error wraps
// [fs.ErrNotExist] if there is no such file.
func Cat(ctx context.Context, src place.Source, root v1.Descriptor, name string, w io.Writer, o Options) (err error) {
	img, err := One(ctx, src, root, o)
	if err != nil {
		return err
	}
	r := newReader(src, o)
	defer func() { err = errors.Join(err, r.close()) }()
	e, err := r.find(ctx, img, name)
	if err != nil {
		return err
	}
	if e.File.IsDir() || e.File.Type != tar.TypeReg {
		return fmt.Errorf("%.300q is no file, but %s", name, kindOf(e.File))
	}
	return r.writeContent(ctx, img.Manifest.Image.Layers[e.File.Layer], e.File, w)
}

// find looks for name through the layers from the top.
func (r *reader) find(ctx context.Context, img *Image, name string) (merge.Entry, error) {
	t, budget := merge.New(img.isWindows()), new(merge.Budget)
	ds := img.Manifest.Image.Layers
	for i := len(ds) - 1; i >= 0; i-- {
		table, err := r.table(ctx, ds[i], merge.Options{Layer: i, Fold: img.isWindows(), Budget: budget})
		if err != nil {
			return merge.Entry{}, err
		}
		t.Under(table)
		e, err := t.Lookup(name, true)
		if err == nil && (e.File == nil || e.File.Type != tar.TypeLink) && e.Name != "." || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return e, err
		}
	}
	return t.Lookup(name, true)
}

// writeContent copies the content of f, which stands in d, to w by way of a file.
func (r *reader) writeContent(ctx context.Context, d v1.Descriptor, f *merge.File, w io.Writer) (err error) {
	tmp, err := os.CreateTemp(r.o.TempDir, "dray-file-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	p, err := r.plain(ctx, d)
	if err != nil {
		return err
	}
	err = merge.Entries(ctx, p, func(i int, _ *tar.Header, content io.Reader) error {
		if i != f.Index {
			return nil
		}
		_, err := blob.Copy(ctx, tmp, content)
		return err
	})
	if err = errors.Join(err, p.Close()); err != nil {
		return fmt.Errorf("layer %s: %w", d.Digest, err)
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = blob.Copy(ctx, w, tmp)
	return err
}

// kindOf is what a file is called in a message.
func kindOf(f *merge.File) string {
	if f.IsDir() {
		return "a folder"
	}
	switch f.Type {
	case tar.TypeSymlink:
		return "a link"
	case tar.TypeLink:
		return "a hard link to what is not there"
	case tar.TypeFifo:
		return "a pipe"
	case tar.TypeReg:
		return "a file"
	}
	return "a device"
}
