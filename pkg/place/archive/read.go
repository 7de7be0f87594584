package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// ReadOptions for reading an archive. The zero value reads any.
type ReadOptions struct {
	As      Form          // OCI or Docker: read it as that, also if it is both
	TempDir string        // for what cannot be read in place; "" means the system's
	Events  event.Handler // hears what is unpacked, and which digests are new
}

// An Archive is an archive that is read. What lies in a plain tar file is read
// where it lies; a compressed one, or one from a pipe, is unpacked once into a
// temporary file. Links and names in it lead to its own members only.
type Archive struct {
	path  string // for messages
	o     ReadOptions
	file  file
	kind  compress.Kind // of the tar as a whole
	table *tario.Table
	index *layout.Index
	files map[v1.Hash]tario.Member // content that does not stand under blobs/
	other map[v1.Hash][]byte       // content that is no member
}

type file interface {
	io.ReaderAt
	io.Closer
}

var (
	_ place.Source         = (*Archive)(nil)
	_ place.Lister         = (*Archive)(nil)
	_ place.Ranger         = (*Archive)(nil)
	_ place.Referrer       = (*Archive)(nil)
	_ place.ReferrerLister = (*Archive)(nil)
)

// Open opens the archive at path: a file, or a set of parts, named as the file that
// they make up, by one of them, or by their document. It returns place.ErrNotFound if
// there is none, and place.ErrInvalid if it is no archive of images. The error may be
// a [*parts.FaultsError].
func Open(ctx context.Context, path string, o ReadOptions) (*Archive, error) {
	if index, ok := setAt(path); ok {
		return openSet(ctx, index, o)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withoutDocument(path, &missingError{path, err})
	}
	if err != nil {
		return nil, fmt.Errorf("reading archive: %w", err)
	}
	a := newArchive(path, o)
	plain, err := isPlain(f)
	switch {
	case err != nil:
		err = errors.Join(err, f.Close())
	case plain:
		err = a.read(ctx, f)
	default:
		err = errors.Join(a.unpack(ctx, f), f.Close())
	}
	a, err = a.loaded(ctx, err)
	return a, withoutDocument(path, err)
}

// A missingError says that there is no archive at path.
type missingError struct {
	path string
	err  error
}

func (e *missingError) Error() string {
	return fmt.Sprintf("reading archive %s: there is no such file", e.path)
}
func (e *missingError) Unwrap() []error { return []error{place.ErrNotFound, e.err} }

// Read reads the archive that r holds, compressed or not, into a temporary file.
func Read(ctx context.Context, r io.Reader, o ReadOptions) (*Archive, error) {
	a := newArchive("on a stream", o)
	return a.loaded(ctx, a.unpack(ctx, r))
}

func newArchive(path string, o ReadOptions) *Archive {
	return &Archive{path: path, o: o, files: map[v1.Hash]tario.Member{}, other: map[v1.Hash][]byte{}}
}

// isPlain reports whether f can be read in place: a file that is not compressed.
func isPlain(f *os.File) (bool, error) {
	fi, err := f.Stat()
	switch {
	case err != nil:
		return false, err
	case fi.IsDir():
		return false, fmt.Errorf("it is a folder: %w", place.ErrInvalid)
	case !fi.Mode().IsRegular():
		return false, nil
	}
	kind, err := sniff(io.NewSectionReader(f, 0, fi.Size()))
	return kind == compress.None, err
}

// read makes the table of the tar in f, which it takes over.
func (a *Archive) read(ctx context.Context, f *os.File) error {
	a.file = f
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	a.table, err = tario.Index(ctx, f, fi.Size())
	return invalid(err)
}

// loaded returns a with its images found, if there was no err.
func (a *Archive) loaded(ctx context.Context, err error) (*Archive, error) {
	if err == nil {
		err = a.load(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", a.path, errors.Join(err, a.Close()))
	}
	return a, nil
}

// load finds out what form the archive has, and which images are in it.
func (a *Archive) load(ctx context.Context) error {
	if !a.table.Ends() {
		return fmt.Errorf("it was cut: the tar has no end: %w", place.ErrInvalid)
	}
	hasIndex, hasManifests := a.holds("index.json"), a.holds("manifest.json")
	switch {
	case hasIndex && a.o.As != Docker:
		return a.loadLayout()
	case hasManifests && a.o.As != OCI:
		return a.loadDocker(ctx)
	case hasIndex:
		return fmt.Errorf("it is an OCI archive, without the manifest.json of Docker: %w", place.ErrInvalid)
	case hasManifests:
		return fmt.Errorf("it is a Docker archive, without the index.json of OCI: %w", place.ErrInvalid)
	case a.holds("repositories"):
		return fmt.Errorf("it was written by Docker before 1.10: %w", place.ErrUnsupported)
	}
	return fmt.Errorf("it has neither index.json nor manifest.json, so it holds no images: %w", place.ErrInvalid)
}

func (a *Archive) holds(name string) bool {
	_, err := a.table.Find(name)
	return err == nil
}

// Close closes the file, and removes a temporary one.
func (a *Archive) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// invalid says of a bad tar, or a bad compression, that the archive is not valid.
func invalid(err error) error {
	if errors.Is(err, tario.ErrInvalid) || errors.Is(err, compress.ErrDamaged) || errors.Is(err, compress.ErrBomb) {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return err
}

// sniff returns how the stream r is compressed.
func sniff(r io.Reader) (compress.Kind, error) {
	head := make([]byte, compress.SniffBytes)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return compress.Sniff(head[:n]), err
}
