package layers

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"time"

	"github.com/dray-oci/dray/layers/merge"
)

// An overlay is a layer that is being put together: files, folders and whiteouts by
// name. It is written sorted, so that equal ones give equal bytes.
type overlay struct {
	items map[string]item
	base  *ground
	at    time.Time  // of all files
	roots []*os.Root // that content comes from
}

// An item is what stands under one name.
type item struct {
	file *merge.File
	open func() (io.ReadCloser, error) // content of a regular file
	link string                        // another name in the overlay, which it is a hard link to
	mark *merge.Mark
}

func newOverlay(base *ground, at time.Time) *overlay {
	return &overlay{items: map[string]item{}, base: base, at: at}
}

// place returns where name ends up in the image, and sees to the folders above it:
// those that the image has come with its owner and mode, others are root's.
func (o *overlay) place(name string) (string, error) {
	dir, err := o.folder(path.Dir(path.Join(".", name)))
	if err != nil {
		return "", err
	}
	return path.Join(dir, path.Base(name)), nil
}

// folder returns where the folder name is in the image. One that is new, or that the
// image may have but nobody knows how, is left out of the layer or made root's.
func (o *overlay) folder(name string) (string, error) {
	at := "."
	for _, part := range splitPath(name) {
		next, f, known, err := o.base.folder(path.Join(at, part))
		if err != nil {
			return "", err
		}
		at = next
		if _, ok := o.items[at]; ok || !known {
			continue
		}
		if f == nil {
			f = &merge.File{Type: tar.TypeDir, Mode: 0o755, ModTime: o.at}
		}
		o.items[at] = item{file: f}
	}
	return at, nil
}

// add puts a file or folder there. A folder that the image has keeps owner and mode.
func (o *overlay) add(name string, it item) error {
	if it.file.IsDir() {
		_, f, _, err := o.base.folder(name)
		if err != nil {
			return err
		}
		at, err := o.folder(name)
		if err == nil && f == nil && at != "." {
			o.items[at] = it
		}
		return err
	}
	at, err := o.place(name)
	if err != nil {
		return err
	}
	o.items[at] = it
	return nil
}

// remove hides what the image has under name.
func (o *overlay) remove(name string) error {
	at, err := o.place(name)
	if err != nil {
		return err
	}
	if has, known := o.base.has(at); known && !has {
		return &missingError{name}
	}
	dir, base := path.Split(at)
	if base == "." || base == ".." || base == "" {
		return fmt.Errorf("%.200q cannot be deleted", name)
	}
	o.items[path.Join(dir, merge.Whiteout+base)] = item{mark: &merge.Mark{Name: at}}
	return nil
}

// write writes the layer.
func (o *overlay) write(w io.Writer) error {
	t := merge.NewTarWriter(w)
	for _, name := range slices.Sorted(maps.Keys(o.items)) {
		if err := o.items[name].write(t, name); err != nil {
			return err
		}
	}
	return t.Close()
}

func (it item) write(t *merge.TarWriter, name string) error {
	switch {
	case it.mark != nil:
		return t.Mark(*it.mark)
	case it.link != "":
		return t.Link(name, it.link, it.file)
	case it.open == nil:
		return t.Add(name, it.file, nil)
	}
	rc, err := it.open()
	if err != nil {
		return err
	}
	err = t.Add(name, it.file, rc)
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("adding %.200q: %w", name, err)
	}
	return nil
}
