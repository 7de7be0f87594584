package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// Resolve returns the image that name means: "" for the only one, a full name, a
// tag, or "@sha256:…", which also finds manifests that only an index names. The
// manifest of an image in Docker's form, which has none, is made here: the same
// every time, but its digest need not be the one that a registry had it under,
// and a [event.Note] has said so when the archive was opened.
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
	raw, err := a.readMember(m, manifest.MaxBytes)
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
	if raw, ok := a.other[d.Digest]; ok {
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
	if length >= reopenFrom {
		if f, at := a.reopened(m.Offset+offset, length); f != nil {
			if rc, err := blob.Section(f, at, length); err == nil {
				return rc, nil
			}
			_ = f.Close() // only ever read
		}
	}
	return io.NopCloser(io.NewSectionReader(a.file, m.Offset+offset, length)), nil
}

// reopenFrom is the size from which on it pays to open the archive again for
// content, which then can go into a socket by sendfile.
const reopenFrom = 128 << 10

// List visits the images in order of their names.
func (a *Archive) List(_ context.Context, visit func(place.Entry) error) error {
	for _, e := range a.index.List() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Referrers returns what belongs to d, whichever tool has put it there.
func (a *Archive) Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	list, err := a.index.Referrers(ctx, d.Digest, func(ctx context.Context, d v1.Descriptor) (*manifest.Doc, error) {
		return place.ReadManifest(ctx, a, d)
	})
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", a.path, err)
	}
	return list, nil
}

// ListReferrers visits what belongs to images.
func (a *Archive) ListReferrers(_ context.Context, visit func(place.Entry) error) error {
	for _, e := range a.index.ListReferrers() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// readFile reads a bounded file whole.
func (a *Archive) readFile(name string, maxBytes int64) ([]byte, error) {
	m, err := a.member(name)
	if err != nil {
		return nil, err
	}
	return a.readMember(m, maxBytes)
}

func (a *Archive) readMember(m tario.Member, maxBytes int64) ([]byte, error) {
	if m.Size > maxBytes {
		return nil, fmt.Errorf("%.200q is %d bytes, more than the %d allowed: %w", m.Name, m.Size, maxBytes, place.ErrInvalid)
	}
	raw := make([]byte, m.Size)
	if _, err := io.ReadFull(a.section(m), raw); err != nil {
		return nil, fmt.Errorf("%.200q: %w", m.Name, err)
	}
	return raw, nil
}

// member finds a file by a name that the archive says: in the tar, and nowhere else.
func (a *Archive) member(name string) (tario.Member, error) {
	m, err := a.table.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%.200q is not in the archive: %w", name, place.ErrInvalid)
	}
	return m, invalid(err)
}

func (a *Archive) section(m tario.Member) *io.SectionReader {
	return io.NewSectionReader(a.file, m.Offset, m.Size)
}
