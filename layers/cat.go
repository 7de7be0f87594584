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
	"github.com/dray-oci/dray/layers/toc"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// Cat writes the file that name leads to in one image of root to w, links followed.
// Layers are read from the top, and no more of them than it takes; of a far one with a
// table of contents (see package toc) that and the file. Nothing is written before it
// was verified. The error wraps
// [fs.ErrNotExist] if there is no such file.
func Cat(ctx context.Context, src place.Source, root v1.Descriptor, name string, w io.Writer, o Options) (err error) {
	img, err := One(ctx, src, root, o)
	if err != nil {
		return err
	}
	r := newReader(src, o)
	defer func() { err = errors.Join(err, r.close()) }()
	err = r.cat(ctx, img, name, w)
	if errors.Is(err, errUnlisted) { // the layer itself has the last word
		r.whole = true
		err = r.cat(ctx, img, name, w)
	}
	return err
}

// errUnlisted says that the content is not as the table of contents says.
var errUnlisted = errors.New("the table of contents is wrong")

func (r *reader) cat(ctx context.Context, img *Image, name string, w io.Writer) error {
	listed := map[int]*contents{}
	e, err := r.find(ctx, img, name, listed)
	if err != nil {
		return err
	}
	if e.File.IsDir() || e.File.Type != tar.TypeReg {
		return fmt.Errorf("%.300q is no file, but %s", name, kindOf(e.File))
	}
	return r.writeContent(ctx, img.Manifest.Image.Layers[e.File.Layer], e.File, listed[e.File.Layer], w)
}

// find looks for name through the layers from the top. What it knows of layers from
// their tables of contents alone is put in listed.
func (r *reader) find(ctx context.Context, img *Image, name string, listed map[int]*contents) (merge.Entry, error) {
	t, budget := merge.New(img.isWindows()), new(merge.Budget)
	ds := img.Manifest.Image.Layers
	for i := len(ds) - 1; i >= 0; i-- {
		o := merge.Options{Layer: i, Fold: img.isWindows(), Budget: budget}
		table, c := r.listed(ctx, ds[i], o)
		if table == nil {
			var err error
			if table, err = r.table(ctx, ds[i], o); err != nil {
				return merge.Entry{}, err
			}
		}
		listed[i] = c
		t.Under(table)
		e, err := t.Lookup(name, true)
		if err == nil && (e.File == nil || e.File.Type != tar.TypeLink) && e.Name != "." || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return e, err
		}
	}
	return t.Lookup(name, true)
}

// writeContent copies the content of f, which stands in d, to w by way of a file. With c,
// d is not read for more than that.
func (r *reader) writeContent(ctx context.Context, d v1.Descriptor, f *merge.File, c *contents, w io.Writer) (err error) {
	tmp, err := os.CreateTemp(r.o.TempDir, "dray-file-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	if c != nil {
		if err = toc.Copy(ctx, tmp, place.Opener(r.src, d), c.at[f.Index]); errors.Is(err, blob.ErrMismatch) {
			err = errUnlisted
		}
	} else {
		err = r.extract(ctx, d, f, tmp)
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", d.Digest, err)
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = blob.Copy(ctx, w, tmp)
	return err
}

// extract copies the content of f out of d, which is read to its end.
func (r *reader) extract(ctx context.Context, d v1.Descriptor, f *merge.File, w io.Writer) error {
	p, err := r.plain(ctx, d)
	if err != nil {
		return err
	}
	err = merge.Entries(ctx, p, func(i int, _ *tar.Header, content io.Reader) error {
		if i != f.Index {
			return nil
		}
		_, err := blob.Copy(ctx, w, content)
		return err
	})
	return errors.Join(err, p.Close())
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
