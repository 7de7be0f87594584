package folder

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dray-oci/dray/layers/merge"
)

// An ID is what the names of one file have in common; zero for a file with one name.
type ID struct{ Device, Inode uint64 }

// An Entry is one name in a folder.
type Entry struct {
	Name string // from the folder, with slashes; "." is the folder itself
	File *merge.File
	ID   ID
	Open func() (io.ReadCloser, error) // content of a regular file
}

// ErrChanged: a file was changed while it was read.
var ErrChanged = errors.New("it was changed while it was read")

// Scan visits everything in root, folders before what stands in them, the names in a
// folder in the order of their bytes. Sockets, which no layer can hold, are left out.
// If visit returns [fs.SkipDir] for a folder, what stands in it is left out.
func Scan(ctx context.Context, root *os.Root, visit func(Entry) error) error {
	err := scan(ctx, root, ".", visit)
	if errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}

func scan(ctx context.Context, root *os.Root, name string, visit func(Entry) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	e, err := entry(root, name)
	if err != nil {
		return fmt.Errorf("reading %.200q: %w", name, err)
	}
	if e.File == nil {
		return nil
	}
	if err := visit(e); err != nil {
		if errors.Is(err, fs.SkipDir) && e.File.IsDir() {
			return nil
		}
		return err
	}
	if !e.File.IsDir() {
		return nil
	}
	names, err := namesIn(root, name)
	if err != nil {
		return fmt.Errorf("reading %.200q: %w", name, err)
	}
	for _, base := range names {
		if err := scan(ctx, root, path.Join(name, base), visit); err != nil {
			return err
		}
	}
	return nil
}

func namesIn(root *os.Root, name string) ([]string, error) {
	dir, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	slices.Sort(names)
	return names, errors.Join(err, dir.Close())
}

// Look reads the metadata of one name, which must not be a socket.
func Look(root *os.Root, name string) (Entry, error) {
	e, err := entry(root, filepath.ToSlash(name))
	if err == nil && e.File == nil {
		err = errors.New("it is a socket")
	}
	if err != nil {
		return Entry{}, fmt.Errorf("reading %.200q: %w", name, err)
	}
	return e, nil
}

// entry reads the metadata of one name. File is nil for a socket.
func entry(root *os.Root, name string) (Entry, error) {
	local := filepath.FromSlash(name)
	fi, err := root.Lstat(local)
	if err != nil {
		return Entry{}, err
	}
	link := ""
	switch fi.Mode().Type() {
	case fs.ModeSymlink:
		if link, err = root.Readlink(local); err != nil {
			return Entry{}, err
		}
		link = filepath.ToSlash(link)
	case fs.ModeSocket:
		return Entry{Name: name}, nil
	}
	h, err := tar.FileInfoHeader(fi, link)
	if err != nil {
		return Entry{}, err
	}
	f := &merge.File{
		Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Size: h.Size, ModTime: h.ModTime,
		Link: link, Devmajor: h.Devmajor, Devminor: h.Devminor,
	}
	e := Entry{Name: name, File: f}
	if id, shared := idOf(fi); shared && !f.IsDir() {
		e.ID = id
	}
	if f.Type == tar.TypeReg || f.IsDir() {
		open, err := root.Open(local)
		if err != nil {
			return Entry{}, err
		}
		f.Records, err = xattrs(open)
		if err = errors.Join(err, open.Close()); err != nil {
			return Entry{}, err
		}
	}
	if f.Type == tar.TypeReg {
		e.Open = func() (io.ReadCloser, error) { return openSame(root, local, fi) }
	}
	return e, nil
}

// openSame opens a file that must still be the one it was.
func openSame(root *os.Root, name string, was fs.FileInfo) (io.ReadCloser, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && (!os.SameFile(fi, was) || fi.Size() != was.Size()) {
		err = fmt.Errorf("reading %.200q: %w", name, ErrChanged)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// IsXattr reports whether a PAX record is an extended attribute.
func IsXattr(record string) bool { return strings.HasPrefix(record, xattrPrefix) }
