package archive

import (
	"context"
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/parts"
)

// OpenMember opens a file of the tar by its name, links within the tar followed: what an
// engine finds there that loads the archive. The error wraps [io/fs.ErrNotExist] if
// there is none. The caller closes the reader.
func (a *Archive) OpenMember(_ context.Context, name string) (io.ReadCloser, error) {
	m, err := a.table.Find(name)
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", a.path, invalid(err))
	}
	return io.NopCloser(a.section(m)), nil
}

// Compression returns how the archive as a whole is compressed, which not every engine
// that loads archives can read.
func (a *Archive) Compression() compress.Kind { return a.kind }

// Parts returns how many files the archive lies in, parity not counted.
func (a *Archive) Parts() int {
	if s, ok := a.file.(*parts.Set); ok {
		return len(s.Document.Parts)
	}
	return 1
}
