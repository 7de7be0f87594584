// Package ocidir is an OCI image layout in a folder as a place
// (image-spec: image-layout.md).
package ocidir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
)

// A Dir is a layout folder as source and sink, safe for concurrent use, also
// beside other processes. It needs not exist before the first Put.
type Dir struct {
	dir    layout.Dir
	reader layout.Reader
	finder layout.Finder
}

var (
	_ place.Source         = (*Dir)(nil)
	_ place.Sink           = (*Dir)(nil)
	_ place.Committer      = (*Dir)(nil)
	_ place.Ranger         = (*Dir)(nil)
	_ place.Lister         = (*Dir)(nil)
	_ place.Referrer       = (*Dir)(nil)
	_ place.ReferrerLister = (*Dir)(nil)
	_ place.Remover        = (*Dir)(nil)
)

// New returns the layout at path; it opens nothing. events may be nil.
func New(path string, events event.Handler) *Dir {
	return &Dir{dir: layout.Dir{Path: path, Events: events}}
}

// Remember has what was verified here kept in v, so that it is not read again
// while its files stay as they are. It is called before any other method.
func (d *Dir) Remember(v *memo.Verified) { d.dir.Verified = v }

// Resolve returns what index.json has for name: "" for the only image, a tag, a
// full name, or "@sha256:…", which also finds manifests that only an index names.
func (d *Dir) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	x, flat, err := d.reader.Read(d.dir)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if flat != nil && (name == "" || name == "@"+flat.Descriptor.Digest.String()) {
		return flat.Descriptor, nil
	}
	root, err := x.Pick(name)
	if digest, ok := strings.CutPrefix(name, "@"); ok && err != nil {
		h, herr := v1.NewHash(digest)
		if herr != nil {
			return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, herr)
		}
		root, err = d.dir.ResolveDigest(ctx, h)
	}
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading layout %s: %w", d.dir.Path, err)
	}
	return root, nil
}

// Open opens the content of desc.
func (d *Dir) Open(ctx context.Context, desc v1.Descriptor) (io.ReadCloser, error) {
	return d.OpenRange(ctx, desc, 0, -1)
}

// OpenRange opens a part of the content of desc.
func (d *Dir) OpenRange(ctx context.Context, desc v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	rc, err := d.openRange(ctx, desc, offset, length)
	if err != nil {
		return nil, fmt.Errorf("reading layout %s: %w", d.dir.Path, err)
	}
	return rc, nil
}

func (d *Dir) openRange(ctx context.Context, desc v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	f, err := d.dir.OpenBlob(desc.Digest)
	if errors.Is(err, place.ErrNotFound) && desc.MediaType.IsIndex() {
		if _, flat, err := d.reader.Read(d.dir); err == nil && flat != nil && flat.Descriptor.Digest == desc.Digest {
			return blob.Bytes(flat.Raw)(ctx, offset, length)
		}
	}
	if err != nil {
		return nil, err
	}
	rc, err := blob.Section(f, offset, length)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", desc.Digest, err)
	}
	return rc, nil
}

// List visits the names in index.json.
func (d *Dir) List(_ context.Context, visit func(place.Entry) error) error {
	x, flat, err := d.reader.Read(d.dir)
	if err != nil {
		return err
	}
	if flat != nil {
		return visit(place.Entry{Name: "@" + flat.Descriptor.Digest.String(), Root: flat.Descriptor})
	}
	for _, e := range x.List() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Referrers returns what belongs to desc, whichever tool has put it here.
func (d *Dir) Referrers(ctx context.Context, desc v1.Descriptor) ([]v1.Descriptor, error) {
	return d.finder.Referrers(ctx, d.dir, desc.Digest, true)
}

// ListReferrers visits what belongs to images.
func (d *Dir) ListReferrers(_ context.Context, visit func(place.Entry) error) error {
	x, _, err := d.reader.Read(d.dir)
	if err != nil {
		return err
	}
	for _, e := range x.ListReferrers() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Traits: a layout takes everything, an index without all its children too.
func (d *Dir) Traits() place.Traits {
	return place.Traits{Kind: "oci layout", Sparse: true, Referrers: true}
}

// Has reports whether the content of desc is there. Any tool may have written the
// folder, so content that is there is read, and counts only if it is right; see
// [Dir.Remember].
func (d *Dir) Has(ctx context.Context, desc v1.Descriptor) (bool, error) {
	return d.dir.HasBlob(desc) && d.dir.EnsureBlob(ctx, desc) == nil, ctx.Err()
}

// Put stores the content of desc.
func (d *Dir) Put(ctx context.Context, desc v1.Descriptor, open blob.Opener) error {
	if err := d.dir.PutBlob(ctx, desc, open); err != nil {
		return fmt.Errorf("writing layout %s: %w", d.dir.Path, err)
	}
	return nil
}

// Commit writes root and its names into index.json.
func (d *Dir) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	return d.CommitAll(ctx, []place.Root{{Descriptor: root, Names: names}})
}

// CommitAll writes roots and their names into index.json.
func (d *Dir) CommitAll(ctx context.Context, roots []place.Root) error {
	for _, r := range roots {
		if !d.dir.HasBlob(r.Descriptor) {
			return fmt.Errorf("writing layout %s: %s was not put: %w", d.dir.Path, r.Descriptor.Digest, place.ErrNotFound)
		}
	}
	return d.dir.Update(ctx, func(x *layout.Index) error {
		for _, r := range roots {
			x.Add(r.Descriptor, r.Names...)
		}
		return nil
	})
}

// Remove removes a name from index.json; the content stays.
func (d *Dir) Remove(ctx context.Context, name string) error {
	return d.dir.Update(ctx, func(x *layout.Index) error {
		if !x.Remove(name) {
			return fmt.Errorf("%q in layout %s: %w", name, d.dir.Path, place.ErrNotFound)
		}
		return nil
	})
}

// Close removes the work folder if nothing unfinished is in it.
func (d *Dir) Close() error {
	_ = d.dir.Verified.Save() // what is not remembered is read again
	d.dir.Clean()
	return nil
}
