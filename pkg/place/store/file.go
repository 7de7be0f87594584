package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

var (
	_ place.Filer   = (*Store)(nil)
	_ place.Stamper = (*Store)(nil)
	_ place.Holder  = (*Store)(nil)
)

// OpenFile opens the content with digest h.
func (s *Store) OpenFile(ctx context.Context, h v1.Hash) (place.File, error) {
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	f, err := s.dir.OpenBlob(h)
	if err != nil {
		return nil, fmt.Errorf("reading store: %w", err)
	}
	fi, err := f.Stat()
	if err == nil {
		var file place.File
		if file, err = place.NewFile(f, 0, fi.Size()); err == nil {
			return file, nil
		}
	}
	return nil, fmt.Errorf("reading store: %w", errors.Join(err, f.Close()))
}

// Stamp is that of the index.json.
func (s *Store) Stamp(context.Context) (string, error) {
	return place.FileStamp(filepath.Join(s.dir.Path, "index.json"))
}

// Release lets [Store.Prune] in other processes have its turn.
func (s *Store) Release() error { return s.Close() }
