package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
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
	file  io.ReaderAt
	close func() error
	table *tario.Table
	index *layout.Index
	made  map[v1.Hash][]byte       // manifests that are not in the tar
	files map[v1.Hash]tario.Member // content that does not stand under blobs/
}

var (
	_ place.Source = (*Archive)(nil)
	_ place.Lister = (*Archive)(nil)
	_ place.Ranger = (*Archive)(nil)
)

// Open opens the archive at path. It returns place.ErrNotFound if there is no
// file, and place.ErrInvalid if it is no archive of images.
func Open(ctx context.Context, path string, o ReadOptions) (*Archive, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading archive: %w: %w", place.ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading archive: %w", err)
	}
	a := &Archive{path: path, o: o, file: f, close: f.Close}
	if err := a.openFile(ctx, f); err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", path, errors.Join(err, a.close()))
	}
	return a, nil
}

// Read reads the archive that r holds to its end, into a temporary file.
func Read(ctx context.Context, r io.Reader, o ReadOptions) (*Archive, error) {
	a := &Archive{path: "stream", o: o, close: func() error { return nil }}
	err := a.unpack(ctx, r)
	if err == nil {
		err = a.load(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading archive: %w", errors.Join(err, a.close()))
	}
	return a, nil
}

func (a *Archive) openFile(ctx context.Context, f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return fmt.Errorf("it is a folder: %w", place.ErrInvalid)
	}
	if fi.Mode().IsRegular() {
		kind, err := a.sniff(tario.Member{Size: fi.Size()})
		if err != nil {
			return err
		}
		if kind == compress.None {
			if a.table, err = tario.Index(ctx, f, fi.Size()); err != nil {
				return invalid(err)
			}
			return a.load(ctx)
		}
	}
	if err := errors.Join(a.unpack(ctx, f), f.Close()); err != nil {
		return err
	}
	return a.load(ctx)
}

// invalid says of a bad tar that it is the archive which is not valid.
func invalid(err error) error {
	if errors.Is(err, tario.ErrInvalid) {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return err
}

// load finds out what form the archive has, and which images are in it.
func (a *Archive) load(ctx context.Context) error {
	if !a.table.Ends() {
		return fmt.Errorf("it was cut: the tar has no end: %w", place.ErrInvalid)
	}
	_, noIndex := a.table.Find("index.json")
	_, noManifests := a.table.Find("manifest.json")
	switch {
	case noIndex == nil && a.o.As != Docker:
		return a.loadLayout()
	case noManifests == nil && a.o.As != OCI:
		return a.loadDocker(ctx)
	}
	why := "it has neither index.json nor manifest.json"
	if _, err := a.table.Find("repositories"); err == nil {
		why = "Docker before 1.10 wrote it"
	} else if noIndex == nil || noManifests == nil {
		why = "it is of the other form"
	}
	return fmt.Errorf("%s: %w", why, place.ErrInvalid)
}

func (a *Archive) loadLayout() error {
	if m, err := a.table.Find("oci-layout"); err == nil {
		var version struct {
			V string `json:"imageLayoutVersion"`
		}
		raw, err := a.readFile(m, 64<<10)
		if err == nil {
			err = manifest.Decode(raw, &version)
		}
		if err != nil || !strings.HasPrefix(version.V, "1.") {
			return fmt.Errorf("oci-layout: version %.20q: %w: %w", version.V, place.ErrInvalid, err)
		}
	}
	m, err := a.table.Find("index.json")
	if err != nil {
		return err
	}
	raw, err := a.readFile(m, manifest.MaxIndexBytes)
	if err != nil {
		return err
	}
	a.index, err = layout.ParseIndex(raw)
	return err
}

// readFile reads a bounded file whole.
func (a *Archive) readFile(m tario.Member, maxBytes int64) ([]byte, error) {
	if m.Size > maxBytes {
		return nil, fmt.Errorf("%.100q is %d bytes, more than the %d allowed: %w", m.Name, m.Size, maxBytes, place.ErrInvalid)
	}
	raw := make([]byte, m.Size)
	if _, err := io.ReadFull(a.section(m), raw); err != nil {
		return nil, fmt.Errorf("%.100q: %w", m.Name, err)
	}
	return raw, nil
}

func (a *Archive) section(m tario.Member) *io.SectionReader {
	return io.NewSectionReader(a.file, m.Offset, m.Size)
}

// Resolve returns the image that name means: "" for the only one, a full name, a
// tag, or "@sha256:…", which also finds manifests that only an index names. The
// manifest of an image in Docker's form, which has none, is made here: it is the
// same every time, but its digest is a new one.
func (a *Archive) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	root, err := a.index.Pick(name)
	if _, digest, ok := strings.Cut(name, "@"); ok && errors.Is(err, place.ErrNotFound) {
		root, err = a.nested(digest)
	}
	if err == nil && root.MediaType == "" {
		var doc *manifest.Doc
		if doc, err = place.ReadManifest(ctx, a, root); err == nil {
			root.MediaType = doc.Descriptor.MediaType
		}
	}
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading archive %s: %w", a.path, err)
	}
	if _, ok := a.made[root.Digest]; ok {
		a.o.Events.Emit(event.Event{
			Kind: event.Note, Blob: root, Name: layout.Name(root),
			Text: fmt.Sprintf("there are no manifests in %s, so the digest is new: %s", a.path, root.Digest),
		})
	}
	return root, nil
}

// nested returns the manifest with that digest, which index.json does not name.
func (a *Archive) nested(digest string) (v1.Descriptor, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	m, err := a.find(h)
	if err != nil {
		return v1.Descriptor{}, err
	}
	raw, err := a.readFile(m, manifest.MaxBytes)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{Digest: h, Size: m.Size}
	if err := verify(d, raw); err != nil {
		return v1.Descriptor{}, err
	}
	doc, err := manifest.Parse(d, raw)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return doc.Descriptor, nil
}

// find returns the member with the content h.
func (a *Archive) find(h v1.Hash) (tario.Member, error) {
	if m, ok := a.files[h]; ok {
		return m, nil
	}
	m, err := a.table.Find("blobs/" + h.Algorithm + "/" + h.Hex)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s: %w", h, place.ErrNotFound)
	}
	return m, invalid(err)
}

// Open opens the content of d.
func (a *Archive) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return a.OpenRange(ctx, d, 0, -1)
}

// OpenRange opens a part of the content of d.
func (a *Archive) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	rc, err := a.openRange(ctx, d, offset, length)
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", a.path, err)
	}
	return rc, nil
}

func (a *Archive) openRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if raw, ok := a.made[d.Digest]; ok {
		return blob.Bytes(raw)(ctx, offset, length)
	}
	m, err := a.find(d.Digest)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > m.Size {
		return nil, fmt.Errorf("%s: %w", d.Digest, blob.ErrOffset)
	}
	if rest := m.Size - offset; length < 0 || length > rest {
		length = rest
	}
	return io.NopCloser(io.NewSectionReader(a.file, m.Offset+offset, length)), nil
}

// List visits the images in order of their names.
func (a *Archive) List(_ context.Context, visit func(place.Entry) error) error {
	for _, e := range a.index.List() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file, or removes the temporary one.
func (a *Archive) Close() error { return a.close() }
