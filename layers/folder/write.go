package folder

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dray-oci/dray/layers/merge"
)

// xattrPrefix is how tars call extended attributes.
const xattrPrefix = "SCHILY.xattr."

// A Writer writes a tree of layers into an empty folder. Without the privileges of
// root everything belongs to who runs it, and devices cannot be made.
type Writer struct {
	// Devices are the names of those that could not be made, Attributes the names of
	// files whose extended attributes could not be set. Both are set by Add.
	Devices, Attributes []string

	root    *os.Root
	owners  bool
	folders []folder
}

var _ merge.Writer = (*Writer)(nil)

// A folder gets its metadata when everything stands in it.
type folder struct {
	name string
	file *merge.File
}

// NewWriter returns a writer into root, which stays the caller's to close.
func NewWriter(root *os.Root) *Writer { return &Writer{root: root, owners: KeepsOwners()} }

// KeepsOwners reports whether files can be given to other users here.
func KeepsOwners() bool { return os.Geteuid() == 0 }

// Add writes a file or folder, which must not be there.
func (w *Writer) Add(name string, f *merge.File, content io.Reader) error {
	if err := w.add(filepath.FromSlash(name), f, content); err != nil {
		return fmt.Errorf("writing %.200q: %w", name, err)
	}
	return nil
}

func (w *Writer) add(name string, f *merge.File, content io.Reader) error {
	if f.IsDir() {
		w.folders = append(w.folders, folder{name, f})
		if name == "." {
			return nil
		}
		return w.root.Mkdir(name, 0o700)
	}
	switch f.Type {
	case tar.TypeReg:
		return w.file(name, f, content)
	case tar.TypeSymlink:
		return w.symlink(name, f)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return w.device(name, f)
	}
	return fmt.Errorf("type %q: %w", f.Type, errors.ErrUnsupported)
}

func (w *Writer) file(name string, f *merge.File, content io.Reader) error {
	out, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	if err == nil {
		err = w.meta(name, out, f)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return w.root.Chtimes(name, f.ModTime, f.ModTime)
}

// meta sets owner, mode and attributes, in this order: a new owner takes set-ID bits
// and capabilities away.
func (w *Writer) meta(name string, open *os.File, f *merge.File) error {
	if w.owners && f != nil {
		if err := open.Chown(f.UID, f.GID); err != nil {
			return err
		}
	}
	if err := open.Chmod(fileMode(f.Perm())); err != nil {
		return err
	}
	if f == nil {
		return nil
	}
	for key, value := range f.Records {
		attr, ok := strings.CutPrefix(key, xattrPrefix)
		if ok && setXattr(open, attr, value) != nil && !slices.Contains(w.Attributes, name) {
			w.Attributes = append(w.Attributes, name)
		}
	}
	return nil
}

func (w *Writer) symlink(name string, f *merge.File) error {
	if err := w.root.Symlink(f.Link, name); err != nil {
		return err
	}
	if w.owners {
		if err := w.root.Lchown(name, f.UID, f.GID); err != nil {
			return err
		}
	}
	return w.inParent(name, func(dir *os.File, base string) error { return linkTime(dir, base, f.ModTime) })
}

func (w *Writer) device(name string, f *merge.File) error {
	err := w.inParent(name, func(dir *os.File, base string) error { return makeDevice(dir, base, f) })
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		w.Devices = append(w.Devices, name)
		return nil
	}
	if err == nil && w.owners {
		err = w.root.Lchown(name, f.UID, f.GID)
	}
	if err == nil {
		err = w.root.Chmod(name, fileMode(f.Perm()))
	}
	if err == nil {
		err = w.root.Chtimes(name, f.ModTime, f.ModTime)
	}
	return err
}

// inParent opens the folder of name for what [os.Root] has no method for.
func (w *Writer) inParent(name string, do func(dir *os.File, base string) error) error {
	dir, err := w.root.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(do(dir, filepath.Base(name)), dir.Close())
}

// Link gives a file that was written another name.
func (w *Writer) Link(name, target string, _ *merge.File) error {
	if slices.Contains(w.Devices, filepath.FromSlash(target)) {
		w.Devices = append(w.Devices, filepath.FromSlash(name))
		return nil
	}
	if err := w.root.Link(filepath.FromSlash(target), filepath.FromSlash(name)); err != nil {
		return fmt.Errorf("writing %.200q: %w", name, err)
	}
	return nil
}

// Finish gives the folders their owners, modes and times, the deepest first. It must
// be called after the last file.
func (w *Writer) Finish() error {
	for _, d := range slices.Backward(w.folders) {
		if err := w.finish(d); err != nil {
			return fmt.Errorf("writing %.200q: %w", d.name, err)
		}
	}
	return nil
}

func (w *Writer) finish(d folder) error {
	dir, err := w.root.Open(d.name)
	if err != nil {
		return err
	}
	at := time.Unix(0, 0)
	if d.file != nil {
		at = d.file.ModTime
	}
	// The time first: without the permission to enter, it could not be set by name.
	err = w.root.Chtimes(d.name, at, at)
	if err == nil {
		err = w.meta(d.name, dir, d.file)
	}
	return errors.Join(err, dir.Close())
}

func fileMode(perm int64) os.FileMode {
	m := os.FileMode(perm & 0o777)
	for bit, special := range map[int64]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if perm&bit != 0 {
			m |= special
		}
	}
	return m
}

// Create makes the folder at name, which must not be there or be empty, by way of a
// folder beside it that only becomes it when fill has succeeded.
func Create(name string, fill func(root *os.Root) error) (err error) {
	name = filepath.Clean(name)
	if names, err := os.ReadDir(name); err == nil && len(names) > 0 {
		return fmt.Errorf("writing to %s: there is something in it: %w", name, fs.ErrExist)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(name), "."+path.Base(filepath.ToSlash(name))+".dray-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(tmp))
		}
	}()
	root, err := os.OpenRoot(tmp)
	if err != nil {
		return err
	}
	if err := root.Chmod(".", 0o755); err != nil {
		return errors.Join(err, root.Close())
	}
	if err := errors.Join(fill(root), root.Close()); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(tmp, name)
}

// removeAll also removes what stands in folders that nobody may write to.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) // what matters is whether removing works
		}
		return nil
	})
	return os.RemoveAll(dir)
}
