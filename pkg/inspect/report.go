package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Report says what a manifest or an index is. All sizes are in bytes. Its JSON
// form is part of dray's contract; strings in it come from outside.
type Report struct {
	Digest       v1.Hash           `json:"digest"`
	MediaType    types.MediaType   `json:"mediaType"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Size         int64             `json:"size"`      // of the manifest or index itself
	TotalSize    int64             `json:"totalSize"` // of it and what Images name, each digest once
	Annotations  map[string]string `json:"annotations,omitempty"`
	Subject      *v1.Descriptor    `json:"subject,omitempty"` // what this belongs to
	Images       []Image           `json:"platforms"`         // one for a single image, and for an artifact
}

// An Image is one platform of a [Report].
type Image struct {
	Platform     string          `json:"platform"` // as the index has it, else as the config; empty for what is no image
	Digest       v1.Hash         `json:"digest"`
	MediaType    types.MediaType `json:"mediaType"`
	ArtifactType string          `json:"artifactType,omitempty"`
	Size         int64           `json:"size"`              // of the manifest itself
	TotalSize    int64           `json:"totalSize"`         // of it, its config and its layers as they are stored, each digest once
	Missing      bool            `json:"missing,omitempty"` // the index names it, and it is not here; nothing below is known
	Created      time.Time       `json:"created,omitzero"`
	Author       string          `json:"author,omitempty"`

	ConfigDescriptor v1.Descriptor `json:"configDescriptor,omitzero"`
	Config           *v1.Config    `json:"config,omitempty"` // how it is run (image-spec: config.md); nil for what is no image
	Layers           []Layer       `json:"layers"`

	Annotations      map[string]string `json:"annotations,omitempty"`      // in the manifest
	IndexAnnotations map[string]string `json:"indexAnnotations,omitempty"` // what the index says of it
	Attestations     []v1.Descriptor   `json:"attestations,omitempty"`     // entries of the index that speak of it
}

// A Layer is a layer as it is stored, with the digest of what it unpacks to.
type Layer struct {
	v1.Descriptor
	DiffID v1.Hash `json:"diffId,omitzero"`
}

// jobs is how many platforms are read at once.
const jobs = 4

// maxDocumentBytes bounds the manifests and configs that one report is made of.
// Sixteen platforms of honest images have half a megabyte.
const maxDocumentBytes = 32 << 20

// Look reports on root. If o asks for one platform of an index, the report is on
// that image; if it asks for several, on the index with only those of its images.
// What the index names and the place does not hold is reported as missing.
func Look(ctx context.Context, src place.Source, root v1.Descriptor, o Options) (*Report, error) {
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return nil, err
	}
	l := &looker{src: src}
	if doc.Index == nil {
		return l.atImage(ctx, doc, o)
	}
	entries, err := o.entries(ctx, src, doc)
	if err != nil {
		return nil, err
	}
	if o.asks() && len(entries) == 1 {
		if doc, err = place.ReadManifest(ctx, src, entries[0].Descriptor); err != nil {
			return nil, err
		}
	}
	images := make([]Image, len(entries))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i, e := range entries {
		g.Go(func() (err error) {
			images[i], err = l.atEntry(gctx, e)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return newReport(doc, images), nil
}

type looker struct {
	src  place.Source
	read atomic.Int64 // bytes of documents
}

// spend counts a document before it is read.
func (l *looker) spend(d v1.Descriptor) error {
	// A single one that is too large is refused by its reader.
	if d.Size <= manifest.MaxConfigBytes && l.read.Add(d.Size) > maxDocumentBytes {
		return fmt.Errorf("more than %d bytes of manifests and configs in one index: %w", maxDocumentBytes, place.ErrInvalid)
	}
	return nil
}

// atImage reports on a root that is no index.
func (l *looker) atImage(ctx context.Context, doc *manifest.Doc, o Options) (*Report, error) {
	s, err := readSingle(ctx, l.src, doc)
	if err != nil {
		return nil, err
	}
	if err := o.check(s.platform()); err != nil {
		return nil, err
	}
	img := newImage(s)
	if s.Config != nil {
		img.Platform = s.platform().String()
	}
	return newReport(doc, []Image{img}), nil
}

// atEntry looks at one image of an index.
func (l *looker) atEntry(ctx context.Context, e image.Entry) (Image, error) {
	img := Image{
		Digest: e.Descriptor.Digest, MediaType: e.Descriptor.MediaType, ArtifactType: e.Descriptor.ArtifactType,
		Size: e.Descriptor.Size, TotalSize: e.Descriptor.Size, Layers: []Layer{},
	}
	if manifest.Is(e.Descriptor.MediaType) {
		s, err := l.single(ctx, e.Descriptor)
		switch {
		case errors.Is(err, errMissing):
			img.Missing = true
		case err != nil:
			return Image{}, err
		default:
			img = newImage(s)
		}
	}
	img.IndexAnnotations, img.Attestations = e.Descriptor.Annotations, e.Attestations
	if e.Platform.OS != "" {
		img.Platform = e.Platform.String()
	}
	return img, nil
}

// errMissing: the manifest that an index names is not there.
var errMissing = errors.New("missing")

func (l *looker) single(ctx context.Context, d v1.Descriptor) (*Single, error) {
	if err := l.spend(d); err != nil {
		return nil, err
	}
	doc, err := place.ReadManifest(ctx, l.src, d)
	if errors.Is(err, place.ErrNotFound) {
		return nil, errMissing
	}
	if err != nil {
		return nil, err
	}
	if doc.Index != nil {
		return nil, fmt.Errorf("%s is an index where an image should be: %w", d.Digest, place.ErrInvalid)
	}
	if err := l.spend(doc.Image.Config); err != nil {
		return nil, err
	}
	return readSingle(ctx, l.src, doc)
}

func newReport(doc *manifest.Doc, images []Image) *Report {
	r := &Report{
		Digest: doc.Descriptor.Digest, MediaType: doc.Descriptor.MediaType,
		Size: doc.Descriptor.Size, Images: images, Subject: doc.Subject(),
	}
	if doc.Index != nil {
		r.ArtifactType, r.Annotations = doc.Index.ArtifactType, doc.Index.Annotations
	} else {
		r.ArtifactType, r.Annotations = doc.Image.ArtifactType, doc.Image.Annotations
	}
	s := sum{}
	s.add(doc.Descriptor)
	for _, img := range images {
		img.addTo(s)
	}
	r.TotalSize = s.total()
	return r
}

// newImage is what the manifest and the config say.
func newImage(s *Single) Image {
	m := s.Manifest.Image
	img := Image{
		Digest: s.Manifest.Descriptor.Digest, MediaType: s.Manifest.Descriptor.MediaType, Size: s.Manifest.Descriptor.Size,
		ArtifactType: m.ArtifactType, Annotations: m.Annotations, ConfigDescriptor: m.Config,
		Layers: make([]Layer, 0, len(m.Layers)),
	}
	var diffIDs []v1.Hash
	if s.Config != nil {
		img.Created, img.Author, img.Config = s.Config.Created.Time, s.Config.Author, &s.Config.Config
		diffIDs = s.Config.RootFS.DiffIDs
	}
	for i, d := range m.Layers {
		l := Layer{Descriptor: d}
		if len(diffIDs) == len(m.Layers) {
			l.DiffID = diffIDs[i]
		}
		img.Layers = append(img.Layers, l)
	}
	t := sum{}
	img.addTo(t)
	img.TotalSize = t.total()
	return img
}

// addTo adds everything that is there of img.
func (img *Image) addTo(s sum) {
	if img.Missing {
		return
	}
	s.add(v1.Descriptor{Digest: img.Digest, Size: img.Size})
	if img.ConfigDescriptor.Digest.Hex != "" {
		s.add(img.ConfigDescriptor)
	}
	for _, l := range img.Layers {
		s.add(l.Descriptor)
	}
}

// A sum counts sizes, each digest once.
type sum map[v1.Hash]int64

func (s sum) add(d v1.Descriptor) { s[d.Digest] = d.Size }

// total is at most what an int64 holds: sizes are what others say.
func (s sum) total() int64 {
	var n int64
	for _, size := range s {
		if size > math.MaxInt64-n {
			return math.MaxInt64
		}
		n += size
	}
	return n
}
