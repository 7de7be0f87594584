package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Survey makes one inventory of any number of images. It is safe for concurrent
// use; the zero value is empty and ready.
type Survey struct {
	mu     sync.Mutex
	images map[Image]bool
	blobs  map[v1.Hash]Blob
}

// Add adds the image root of src, which stands there under names, with all below
// it that is there. It reads manifests and configs, and no layer; where content
// can be opened by its digest alone, that it is there is looked at, and what belongs
// to the image is added too. Of an update all counts that will be there once it was
// applied.
func (s *Survey) Add(ctx context.Context, src place.Source, root v1.Descriptor, names ...string) error {
	w := &surveyor{Survey: s, src: src}
	_, w.near = place.As[place.Filer](src)
	if _, lacks := place.As[place.Lacker](src); !lacks {
		w.filer, _ = place.As[place.Filer](src)
	}
	if err := w.manifest(ctx, root, 0); err != nil {
		return err
	}
	if u, ok := place.As[*Source](src); ok {
		s.complete(u.needs)
	}
	s.name(root.Digest, names)
	return nil
}

// complete adds the diffIDs of blobs that are there already.
func (s *Survey) complete(known map[v1.Hash]Blob) {
	for h, b := range known {
		if s.holds(h) {
			s.add(b.Descriptor(), b.DiffID)
		}
	}
}

// AddArrived adds an image that has just been copied to dst: its root, whose bytes
// are raw, and of what is below it blobs. It is read in dst where that can be
// read, else in src where it came from.
func (s *Survey) AddArrived(ctx context.Context, dst place.Sink, src place.Source, a Arrived) error {
	if there, ok := place.As[place.Source](dst); ok {
		src = there
	}
	w := &surveyor{Survey: s, src: rooted{src, a.Root, a.Raw}, only: map[v1.Hash]bool{}}
	for _, d := range a.Blobs {
		w.only[d.Digest] = true
	}
	for _, d := range append([]v1.Descriptor{a.Root}, a.Referrers...) {
		if err := w.manifest(ctx, d, 0); err != nil {
			return fmt.Errorf("taking stock of what has arrived: %w", err)
		}
	}
	s.name(a.Root.Digest, a.Names)
	return nil
}

// Arrived is an image that was copied.
type Arrived struct {
	Root  v1.Descriptor
	Raw   []byte          // of Root
	Blobs []v1.Descriptor // everything that was copied, or was there
	Names []string
	// Referrers belong to it or to each other, and were copied with it.
	Referrers []v1.Descriptor
}

// rooted is a source with a root that may have been made for the copy.
type rooted struct {
	place.Source
	root v1.Descriptor
	raw  []byte
}

func (s rooted) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == s.root.Digest {
		return blob.Bytes(s.raw)(ctx, 0, -1)
	}
	return s.Source.Open(ctx, d)
}

func (s *Survey) name(h v1.Hash, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.images == nil {
		s.images = map[Image]bool{}
	}
	for _, n := range names {
		s.images[Image{n, h}] = true
	}
	if len(names) == 0 {
		s.images[Image{Digest: h}] = true
	}
}

// add adds one blob; what is known of it already is only completed.
func (s *Survey) add(d v1.Descriptor, diffID *v1.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs == nil {
		s.blobs = map[v1.Hash]Blob{}
	}
	b, ok := s.blobs[d.Digest]
	if !ok {
		b = Blob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType}
	}
	if b.DiffID == nil {
		b.DiffID = diffID
	}
	s.blobs[d.Digest] = b
}

func (s *Survey) holds(h v1.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.blobs[h]
	return ok
}

// Inventory returns what was added until now.
func (s *Survey) Inventory() *Inventory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Inventory{Images: slices.Collect(maps.Keys(s.images)), Blobs: slices.Collect(maps.Values(s.blobs))}
}

// A surveyor walks down from the roots of one source.
type surveyor struct {
	*Survey
	src   place.Source
	filer place.Filer      // nil: what is named is taken to be there
	only  map[v1.Hash]bool // if not nil, all that is
	near  bool             // asking what belongs to a manifest costs nothing
}

func (w *surveyor) manifest(ctx context.Context, d v1.Descriptor, depth int) error {
	if depth > manifest.MaxNesting {
		return fmt.Errorf("indexes nested deeper than %d: %w", manifest.MaxNesting, place.ErrInvalid)
	}
	if w.holds(d.Digest) || w.only != nil && !w.only[d.Digest] {
		return nil
	}
	doc, err := place.ReadManifest(ctx, w.src, d)
	if errors.Is(err, place.ErrNotFound) && depth > 0 {
		return nil // of an index that came with some of its platforms
	}
	if err != nil {
		return err
	}
	if doc.Index == nil {
		err = w.image(ctx, doc)
	} else {
		for _, child := range doc.Index.Manifests {
			if manifest.Is(child.MediaType) {
				err = w.manifest(ctx, child, depth+1)
			} else if w.has(ctx, child) {
				w.add(child, nil)
			}
			if err != nil {
				return err
			}
		}
	}
	if err != nil {
		return err
	}
	w.add(doc.Descriptor, nil)
	return w.referrers(ctx, d, depth)
}

// referrers adds what belongs to d.
func (w *surveyor) referrers(ctx context.Context, d v1.Descriptor, depth int) error {
	if !w.near || depth >= manifest.MaxNesting {
		return nil
	}
	list, err := place.Referrers(ctx, w.src, d, "")
	for _, k := range list {
		if err = w.manifest(ctx, k, depth+1); err != nil {
			return err
		}
	}
	return err
}

func (w *surveyor) image(ctx context.Context, doc *manifest.Doc) error {
	var config []byte
	if doc.IsRunnable() {
		var err error
		_, config, err = place.ReadConfig(ctx, w.src, doc.Image.Config)
		if err != nil && !errors.Is(err, place.ErrNotFound) {
			return err
		}
	}
	ids := diffIDs(doc, config)
	for _, d := range doc.Children() {
		if w.has(ctx, d) {
			w.add(d, ids[d.Digest])
		}
	}
	return nil
}

// has reports whether the source has d, as far as that is found out without a request.
func (w *surveyor) has(ctx context.Context, d v1.Descriptor) bool {
	if w.only != nil {
		return w.only[d.Digest]
	}
	if w.filer == nil {
		return !manifest.IsForeign(d)
	}
	f, err := w.filer.OpenFile(ctx, d.Digest)
	if errors.Is(err, place.ErrUnsupported) {
		w.filer = nil
		return w.has(ctx, d)
	}
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Size() == d.Size
}

// diffIDs pairs the layers of an image with what its config says they are unpacked
// (image-spec: config.md, rootfs). It returns nothing if the two do not fit.
func diffIDs(doc *manifest.Doc, config []byte) map[v1.Hash]*v1.Hash {
	if config == nil || !doc.IsRunnable() {
		return nil
	}
	c, err := manifest.ParseConfig(config)
	if err != nil || len(c.RootFS.DiffIDs) != len(doc.Image.Layers) {
		return nil
	}
	ids := make(map[v1.Hash]*v1.Hash, len(doc.Image.Layers))
	for i, d := range doc.Image.Layers {
		if id := c.RootFS.DiffIDs[i]; id.Hex != "" {
			ids[d.Digest] = &id
		}
	}
	return ids
}
