package open

import (
	"context"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/ref"
)

// maxThereBytes bounds the documents of a destination that are held: a thousand
// images have about 10 MiB of them.
const maxThereBytes = 32 << 20

// Recall reads the manifests and configs of what stands at r already, if that is a
// layout or an archive that is read where it lies. Sources that are opened afterwards do
// not ask registries for them: for a list that is brought there again, with nothing new,
// that is nearly all there would be to ask for. What is not right is passed over.
func (d *Doors) Recall(ctx context.Context, r ref.Ref) {
	src := openThere(ctx, r)
	if src == nil {
		return
	}
	defer func() { _ = src.Close() }() // only read
	t := &there{src: src, docs: new(mem.Place), left: maxThereBytes}
	_ = src.List(ctx, func(e place.Entry) error { return t.take(ctx, e.Root, 0) })
	d.there.Store(t.docs)
}

// A listedSource is a place whose names are known.
type listedSource interface {
	place.Source
	place.Lister
}

// openThere opens r if it is a layout, or an archive that is read where it lies; else
// it returns nil.
func openThere(ctx context.Context, r ref.Ref) listedSource {
	switch r.Kind {
	case ref.OCIDir, ref.Path, ref.OCIArchive:
	default:
		return nil
	}
	fi, err := os.Stat(r.Path)
	switch {
	case err != nil:
		return nil
	case fi.IsDir():
		return ocidir.New(r.Path, nil)
	case !fi.Mode().IsRegular() || !isPlainFile(r.Path):
		return nil
	}
	src, err := archive.Open(ctx, r.Path, archive.ReadOptions{})
	if err != nil {
		return nil
	}
	return src
}

// isPlainFile reports whether the file at path can be read, and is not compressed.
func isPlainFile(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	head := make([]byte, compress.SniffBytes)
	_, err = io.ReadFull(f, head)
	return err == nil && compress.Sniff(head) == compress.None
}

// there walks through the documents of a place.
type there struct {
	src  place.Source
	docs *mem.Place
	left int64
}

var errEnough = errors.New("enough")

// take keeps d, if it is a document, and what it names. What is not right is passed over.
func (t *there) take(ctx context.Context, d v1.Descriptor, depth int) error {
	isManifest := manifest.Is(d.MediaType)
	if has, _ := t.docs.Has(ctx, d); has || !isManifest && !d.MediaType.IsConfig() || depth > manifest.MaxNesting {
		return nil
	}
	if t.left -= d.Size; t.left < 0 || ctx.Err() != nil {
		return errEnough
	}
	if err := t.docs.Put(ctx, d, place.Opener(t.src, d)); err != nil || !isManifest {
		return nil
	}
	doc, err := place.ReadManifest(ctx, t.docs, d)
	if err != nil {
		return nil
	}
	for _, child := range doc.Children() {
		if err := t.take(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return nil
}
