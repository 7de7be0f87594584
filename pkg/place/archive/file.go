package archive

import (
	"bytes"
	"context"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/parts"
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
	if f, at := a.reopened(m.Offset, m.Size); f != nil {
		if file, err := place.NewFile(f, at, m.Size); err == nil {
			return file, nil
		}
		_ = f.Close() // only ever read
	}
	return place.FileAt(a.file, m.Offset, m.Size), nil
}

// reopened returns the file that n bytes of the archive from offset on lie in, with a
// position of its own, as sendfile needs it, and where in it they begin. It returns nil
// where there is none: because the archive is a temporary file without a name, or
// another file has taken its name, or the bytes lie in several parts.
func (a *Archive) reopened(offset, n int64) (f *os.File, at int64) {
	if s, ok := a.file.(*parts.Set); ok {
		return s.File(offset, n)
	}
	own, ok := a.file.(*os.File)
	if !ok {
		return nil, 0
	}
	f, err := os.Open(a.path)
	if err != nil {
		return nil, 0
	}
	if isSameFile(own, f) {
		return f, offset
	}
	_ = f.Close() // only ever read
	return nil, 0
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
