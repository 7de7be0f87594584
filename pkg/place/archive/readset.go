package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

var _ place.Tracer = (*Archive)(nil)

// setAt returns the path of the document of the set that path names. What is there as
// a file of its own is no set: also not if parts of it are there too.
func setAt(path string) (index string, ok bool) {
	if index, ok := parts.Find(path); ok {
		return index, index == path || exists(index)
	}
	index = parts.Index(path)
	return index, !exists(path) && exists(index)
}

// tailBytes is more than follows the last member of a tar that is whole.
const tailBytes = 64 << 10

// openSet opens the set whose document is at index, where it lies.
func openSet(ctx context.Context, index string, o ReadOptions) (*Archive, error) {
	s, err := parts.Open(index)
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", index, err)
	}
	a := newArchive(index, o)
	a.file = s
	a.table, err = tario.Index(ctx, s, s.Size)
	if err = invalid(err); err == nil {
		err = a.load(ctx)
	}
	if err == nil && s.Size-a.table.End() > tailBytes { // zeros over a header look like the end of the tar
		err = fmt.Errorf("the tar ends at %d of %d bytes: %w", a.table.End(), s.Size, place.ErrInvalid)
	}
	if err == nil {
		return a, nil
	}
	if errors.Is(err, place.ErrInvalid) && !errors.As(err, new(*parts.FaultsError)) {
		err = a.blame(ctx, s, err)
	}
	return nil, fmt.Errorf("reading archive %s: %w", index, errors.Join(err, s.Close()))
}

// blame looks for the parts that are why the set cannot be read. That takes a while,
// but only what is broken already has to wait.
func (a *Archive) blame(ctx context.Context, s *parts.Set, err error) error {
	a.o.Events.Emit(event.Event{Kind: event.Note, Name: a.path, Text: fmt.Sprintf("%s: looking for the part that is damaged", a.path)})
	if bad := s.Verify(ctx, 0, s.Size); bad != nil {
		return fmt.Errorf("%w: %w", bad, err)
	}
	return err
}

// Trace reads the parts in which the content of d lies, and returns a
// [*parts.FaultsError] that names the bad ones; nil if there are none.
func (a *Archive) Trace(ctx context.Context, d v1.Descriptor) error {
	s, ok := a.file.(*parts.Set)
	if !ok {
		return nil
	}
	m, err := a.find(d.Digest)
	if err != nil {
		return nil // it lies in no part
	}
	return s.Verify(ctx, m.Offset, m.Size)
}

// A documentError says that there are parts whose document is missing.
type documentError struct {
	error
	index string
}

func (e *documentError) Unwrap() error { return e.error }

// Hint says what is missing.
func (e *documentError) Hint() string {
	hint := fmt.Sprintf("if this is an archive in parts, %s belongs to it: carry it too", filepath.Base(e.index))
	if way := parts.WithoutDocument(e.index); way != "" {
		hint += "; if it is lost, " + way
	}
	return hint
}

// withoutDocument adds to err, which reading the archive at path returned, that there
// may be parts of it whose document is missing.
func withoutDocument(path string, err error) error {
	index, isPart := parts.Find(path)
	if err == nil || index == path || !isPart && !exists(parts.Name(path, 0)) {
		return err
	}
	if !isPart {
		index = parts.Index(path)
	}
	if exists(index) {
		return err
	}
	return &documentError{err, index}
}
