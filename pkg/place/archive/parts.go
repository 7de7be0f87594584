package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
)

// Parts says how an archive is cut. The zero value leaves it in one piece.
type Parts struct {
	Size   int64 // of each part but the last, in bytes; 0: one piece
	Parity int   // lost parts that can be made again
	// Only are the parts to write, counted from 1; none means all. If the document of
	// the set is there, they must come out as it says; without it they are written as
	// they are, and it is not.
	Only []int
}

func (o Parts) check() error {
	switch {
	case o.Size < 0 || o.Parity < 0 || o.Size == 0 && (o.Parity > 0 || len(o.Only) > 0),
		o.Parity > 0 && len(o.Only) > 0, slices.ContainsFunc(o.Only, func(n int) bool { return n < 1 }):
		return fmt.Errorf("writing archive: parts %+v make no sense", o)
	case o.Parity >= parts.MaxShards:
		return fmt.Errorf("writing archive: parity of %d, and at most %d files make up a set", o.Parity, parts.MaxShards)
	}
	return nil
}

// cut is how a drawing is cut. The error is about what is asked for.
func (o Parts) cut(d *drawing) (parts.Cut, error) {
	c := parts.Cut{Size: d.size, Part: o.Size}
	if err := c.Check(o.Parity); err != nil {
		return c, err
	}
	for _, n := range o.Only {
		if n > c.Count() {
			return c, fmt.Errorf("there is no part %d: the archive has %d", n, c.Count())
		}
	}
	return c, nil
}

// label is what tells one way to cut a drawing from the others.
func (o Parts) label() string {
	if o.Size == 0 {
		return ""
	}
	return fmt.Sprintf(" parts %d parity %d only %d", o.Size, o.Parity, o.Only)
}

// path returns what file i of an archive at final is called.
func (o Parts) path(final string, i int) string {
	if o.Size == 0 {
		return final
	}
	return parts.Name(final, i)
}

// isOneFile refuses to write parts beside a file that would be read in their place.
func isOneFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &pathError{path + " is there, in one piece", "remove it, or choose another name: who names it would not get the parts"}
	}
	return nil
}

// isNoSet refuses to write a file beside parts that its name would mean too.
func isNoSet(path string) error {
	if index := parts.Index(path); !exists(path) && exists(index) {
		return &pathError{path + " is there, in parts", "remove them and " + index + ", or choose another name"}
	}
	return nil
}

// A CutError says that parts were asked for of another archive than the one whose
// document is there.
type CutError struct {
	Path string // of the document
	Text string
}

func (e *CutError) Error() string { return e.Path + " is of another archive: " + e.Text }

// Hint says what must be as it was.
func (e *CutError) Hint() string {
	return "name the images by digest (NAME:TAG@sha256:…), with the same platforms, names and form as then"
}

// Unwrap returns place.ErrInvalid.
func (e *CutError) Unwrap() error { return place.ErrInvalid }

// known reads the document of the set at final, if that is there.
func (o Parts) known(final string, c parts.Cut) (*parts.Document, error) {
	index := parts.Index(final)
	doc, _, err := parts.Read(index)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case doc.PartSize != c.Part:
		return nil, &CutError{index, fmt.Sprintf("its parts have %d bytes, not %d", doc.PartSize, c.Part)}
	case doc.Size != c.Size:
		return nil, &CutError{index, fmt.Sprintf("it has %d bytes, not %d", doc.Size, c.Size)}
	}
	return doc, nil
}
