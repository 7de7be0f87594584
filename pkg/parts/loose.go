package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// Loose are parts whose document is lost. What they make up can be had, but nothing
// says whether it is what it was: that is for whoever reads it to find out.
type Loose struct {
	Paths []string // of the parts, in order
	Size  int64    // of what they make up, in bytes
}

// FindLoose finds the parts of the set that path names: as the file that they make
// up, by its document, or by one of them; no Paths if there is none. It returns
// place.ErrNotFound if one is missing before others, and place.ErrInvalid if their
// sizes cannot be those of parts. Whether parts are missing at the end cannot be seen.
func FindLoose(path string) (*Loose, error) {
	file := looseFile(path)
	l := &Loose{}
	sizes, missing := []int64{}, ""
	for i := range MaxShards {
		name := Name(file, i)
		fi, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if missing == "" {
				missing = name
			}
			continue
		case err != nil:
			return nil, err
		case !fi.Mode().IsRegular():
			return nil, fmt.Errorf("%s is no regular file: %w", name, place.ErrInvalid)
		case missing != "":
			return nil, fmt.Errorf("%s is there, but not %s: %w", filepath.Base(name), filepath.Base(missing), place.ErrNotFound)
		}
		l.Paths, sizes, l.Size = append(l.Paths, name), append(sizes, fi.Size()), l.Size+fi.Size()
	}
	for i, size := range sizes {
		if size > sizes[0] || size < sizes[0] && i < len(sizes)-1 {
			return nil, fmt.Errorf("%s has %d bytes and the first part %d: it is damaged or of another set: %w", filepath.Base(l.Paths[i]), size, sizes[0], place.ErrInvalid)
		}
	}
	return l, nil
}

// looseFile is the file whose parts path means.
func looseFile(path string) string {
	if file, ok := fileOf(path); ok {
		return file
	}
	if file, ok := strings.CutSuffix(path, Suffix); ok {
		if _, err := os.Stat(Name(file+".tar", 0)); err == nil {
			return file + ".tar"
		}
		return file
	}
	return path
}

// Join writes what the parts make up to w. It emits [event.Work].
func (l *Loose) Join(ctx context.Context, w io.Writer, events event.Handler) error {
	to := io.MultiWriter(w, &worker{events: events, text: "joining parts", total: l.Size})
	for _, path := range l.Paths {
		if err := copyFile(ctx, to, path); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func copyFile(ctx context.Context, w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = blob.Copy(ctx, w, f)
	return err
}

// A noDocumentError says that the document at path is not there.
type noDocumentError struct {
	path string
	err  error
}

func (e *noDocumentError) Error() string   { return fmt.Sprintf("there is no %s", e.path) }
func (e *noDocumentError) Unwrap() []error { return []error{place.ErrNotFound, e.err} }

// Hint says how the parts, if they are there, are read without it.
func (e *noDocumentError) Hint() string {
	if way := WithoutDocument(e.path); way != "" {
		return "carry it too; if it is lost, " + way
	}
	return ""
}

// WithoutDocument says how the set whose document belongs at path, but is lost, is
// read without it; empty if there is no part of it.
func WithoutDocument(path string) string {
	file := looseFile(path)
	if _, err := os.Stat(Name(file, 0)); err != nil {
		return ""
	}
	return fmt.Sprintf("dray parts join %s -o FILE joins the parts without checking them", file)
}
