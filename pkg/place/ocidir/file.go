package ocidir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

var (
	_ place.Filer   = (*Dir)(nil)
	_ place.Stamper = (*Dir)(nil)
)

// OpenFile opens the content with digest h.
func (d *Dir) OpenFile(_ context.Context, h v1.Hash) (place.File, error) {
	file, err := d.openFile(h)
	if err != nil {
		return nil, fmt.Errorf("reading layout %s: %w", d.dir.Path, err)
	}
	return file, nil
}

func (d *Dir) openFile(h v1.Hash) (place.File, error) {
	f, err := d.dir.OpenBlob(h)
	if errors.Is(err, place.ErrNotFound) {
		if _, flat, err := d.reader.Read(d.dir); err == nil && flat != nil && flat.Descriptor.Digest == h {
			return place.FileAt(bytes.NewReader(flat.Raw), 0, int64(len(flat.Raw))), nil
		}
	}
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil {
		var file place.File
		if file, err = place.NewFile(f, 0, fi.Size()); err == nil {
			return file, nil
		}
	}
	return nil, errors.Join(err, f.Close())
}

// Stamp is that of the index.json.
func (d *Dir) Stamp(context.Context) (string, error) {
	return place.FileStamp(filepath.Join(d.dir.Path, "index.json"))
}
