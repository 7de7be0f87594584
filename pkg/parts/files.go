package parts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/dray-oci/dray/pkg/blob"
)

// Files is a file that lies in several, which are open: one for each part of its
// cut, nil for a part that is not here. Its methods but Close are safe for
// concurrent use.
type Files struct {
	Cut
	files []*os.File
}

// NewFiles returns the file that files make up. It takes them over; Close closes them.
func NewFiles(c Cut, files []*os.File) *Files { return &Files{Cut: c, files: files} }

// At returns the file in which the byte at offset lies, where in it, and how many
// bytes of the whole follow there. The file is nil if that part is not here.
func (f *Files) At(offset int64) (file *os.File, at, left int64) {
	for s := range f.Spans(offset, f.Size) {
		return f.files[s.Part], s.At, s.N
	}
	return nil, 0, 0
}

// Here reports whether n bytes from offset on lie in parts that are all here.
func (f *Files) Here(offset, n int64) bool {
	for s := range f.Spans(offset, n) {
		if f.files[s.Part] == nil {
			return false
		}
	}
	return true
}

// Each calls visit for every part that is here, with its number from 0, until that fails.
func (f *Files) Each(visit func(i int, file *os.File) error) error {
	for i, file := range f.files {
		if file == nil {
			continue
		}
		if err := visit(i, file); err != nil {
			return err
		}
	}
	return nil
}

// ReadAt reads from the parts. What lies in one that is not here is an error.
func (f *Files) ReadAt(p []byte, offset int64) (n int, err error) {
	for s := range f.Spans(offset, int64(len(p))) {
		file := f.files[s.Part]
		if file == nil {
			return n, fmt.Errorf("part %d: %w", s.Part+1, fs.ErrNotExist)
		}
		got, err := file.ReadAt(p[n:n+int(s.N)], s.At)
		n += got
		if got < int(s.N) {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes to the parts. What belongs into one that is not here is dropped,
// and nothing is written beyond the end.
func (f *Files) WriteAt(p []byte, offset int64) (n int, err error) {
	for s := range f.Spans(offset, int64(len(p))) {
		if file := f.files[s.Part]; file != nil {
			if got, err := file.WriteAt(p[n:n+int(s.N)], s.At); err != nil {
				return n + got, err
			}
		}
		n += int(s.N)
	}
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// WriteBack is [blob.WriteBack] for n bytes from offset on.
func (f *Files) WriteBack(offset, n int64) {
	for s := range f.Spans(offset, n) {
		if file := f.files[s.Part]; file != nil {
			blob.WriteBack(file, s.At, s.N)
		}
	}
}

// Truncate makes the whole shorter. It returns the parts that do not belong to it any
// more, which are the caller's to close. Nothing else is called meanwhile.
func (f *Files) Truncate(size int64) (surplus []*os.File, err error) {
	f.Size = size
	n := f.Count()
	surplus = slices.DeleteFunc(slices.Clone(f.files[n:]), func(file *os.File) bool { return file == nil })
	f.files = f.files[:n]
	if last := f.files[n-1]; last != nil {
		err = last.Truncate(f.Len(n - 1))
	}
	return surplus, err
}

// Sync has what was written on the disk.
func (f *Files) Sync() error {
	return f.Each(func(_ int, file *os.File) error { return file.Sync() })
}

// Close closes the files.
func (f *Files) Close() error {
	var errs []error
	for _, file := range f.files {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}
