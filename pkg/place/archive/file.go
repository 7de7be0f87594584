package archive

import (
	"bytes"
	"context"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

var (
	_ place.Filer   = (*Archive)(nil)
	_ place.Stamper = (*Archive)(nil)
)

// OpenFile opens the content with digest h where it lies in the tar.
func (a *Archive) OpenFile(_ context.Context, h v1.Hash) (place.File, error) {
	if raw, ok := a.other[h]; ok {
		return place.FileAt(bytes.NewReader(raw), 0, int64(len(raw))), nil
	}
	m, err := a.find(h)
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", a.path, err)
	}
	if f := a.reopened(); f != nil {
		if file, err := place.NewFile(f, m.Offset, m.Size); err == nil {
			return file, nil
		}
		_ = f.Close() // only ever read
	}
	return place.FileAt(a.file, m.Offset, m.Size), nil
}

// reopened returns the archive as a file with a position of its own, as sendfile
// needs it. It returns nil where the archive cannot be opened again: because it is
// a temporary file without a name, or another file has taken its name.
func (a *Archive) reopened() *os.File {
	own, ok := a.file.(*os.File)
	if !ok {
		return nil
	}
	f, err := os.Open(a.path)
	if err != nil {
		return nil
	}
	if isSameFile(own, f) {
		return f
	}
	_ = f.Close() // only ever read
	return nil
}

func isSameFile(a, b *os.File) bool {
	fa, err := a.Stat()
	if err != nil {
		return false
	}
	fb, err := b.Stat()
	return err == nil && os.SameFile(fa, fb)
}

// Stamp is always the same: what is in an archive was found out when it was opened.
func (a *Archive) Stamp(context.Context) (string, error) { return "", nil }
