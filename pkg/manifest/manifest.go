// Package manifest parses manifests, indexes and configs once and strictly:
// bounded in size, depth and count, with exact keys, each at most once, so that
// no two readers of the same bytes can see two different images.
package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Bounds on what is read from outside. Manifests: what the distribution
// specification asks registries to accept. The rest is far above anything real.
const (
	MaxBytes       = 4 << 20  // one manifest or index
	MaxConfigBytes = 8 << 20  // one image config
	MaxIndexBytes  = 16 << 20 // the index.json of a layout
	MaxChildren    = 10_000   // descriptors in one document, and in one image
	MaxNesting     = 8        // indexes within indexes
	MaxSize        = 1 << 48  // bytes of one blob, so that the sum of MaxChildren does not overflow
	maxElements    = 200_000  // values in one JSON array
	maxDepth       = 64       // JSON values within values
)

// A Doc is a parsed manifest or index with the bytes it was parsed from.
// Exactly one of Index and Image is set. It is not changed after [Parse].
type Doc struct {
	Descriptor v1.Descriptor // MediaType, Size and Digest are always set
	Raw        []byte
	Index      *v1.IndexManifest
	Image      *v1.Manifest
}

// Parse parses raw, whose digest the caller has verified, as the manifest or
// index that d describes. The media type may stand in d, in the document or in
// both, and then it is the same (image-spec: manifest.md, image-index.md).
func Parse(d v1.Descriptor, raw []byte) (*Doc, error) {
	doc, err := parse(d, raw)
	if err != nil {
		return nil, fmt.Errorf("parsing manifest %s: %w", d.Digest, err)
	}
	return doc, nil
}

func parse(d v1.Descriptor, raw []byte) (*Doc, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%d bytes, more than the %d allowed", len(raw), MaxBytes)
	}
	mt, err := MediaType(raw)
	if err != nil {
		return nil, err
	}
	if d.MediaType != "" && d.MediaType != mt {
		return nil, fmt.Errorf("the document is %s, its descriptor says %q", mt, d.MediaType)
	}
	d.MediaType, d.Size = mt, int64(len(raw))
	doc := &Doc{Descriptor: d, Raw: raw}
	if mt.IsIndex() {
		doc.Index = new(v1.IndexManifest)
		err = Decode(raw, doc.Index)
	} else {
		doc.Image = new(v1.Manifest)
		err = Decode(raw, doc.Image)
	}
	if err != nil {
		return nil, err
	}
	return doc, doc.check()
}

// check holds the document against the bounds and the specification.
func (doc *Doc) check() error {
	version := int64(0)
	if doc.Index != nil {
		version = doc.Index.SchemaVersion
	} else {
		version = doc.Image.SchemaVersion
		if doc.Image.Config.Digest.Hex == "" {
			return fmt.Errorf("there is no config in it")
		}
	}
	if version != 2 {
		return fmt.Errorf("schemaVersion is %d, not 2", version)
	}
	if s := doc.Subject(); s != nil {
		if err := CheckDescriptor(*s); err != nil {
			return fmt.Errorf("subject: %w", err)
		}
	}
	children := doc.Children()
	if len(children) > MaxChildren {
		return fmt.Errorf("%d descriptors, more than the %d allowed", len(children), MaxChildren)
	}
	sizes := make(map[v1.Hash]int64, len(children))
	for _, c := range children {
		if err := CheckDescriptor(c); err != nil {
			return err
		}
		if c.MediaType == "" {
			return fmt.Errorf("%s has no media type", c.Digest)
		}
		if size, ok := sizes[c.Digest]; ok && size != c.Size {
			return fmt.Errorf("%s is listed with %d and with %d bytes", c.Digest, size, c.Size)
		}
		sizes[c.Digest] = c.Size
	}
	return nil
}

// CheckDescriptor holds d against the rules that every descriptor from outside
// must meet before it is used: a digest of a known algorithm, a size from 0 to [MaxSize].
func CheckDescriptor(d v1.Descriptor) error {
	if _, err := v1.NewHash(d.Digest.String()); err != nil {
		return fmt.Errorf("descriptor: %w", err)
	}
	if d.Size < 0 {
		return fmt.Errorf("descriptor of %s: negative size %d", d.Digest, d.Size)
	}
	if d.Size > MaxSize {
		return fmt.Errorf("descriptor of %s: %d bytes, more than the %d allowed", d.Digest, d.Size, int64(MaxSize))
	}
	return nil
}

// Children returns what the document points at, in its order: the entries of
// an index, or the config and the layers of an image.
func (doc *Doc) Children() []v1.Descriptor {
	if doc.Index != nil {
		return doc.Index.Manifests
	}
	return append([]v1.Descriptor{doc.Image.Config}, doc.Image.Layers...)
}

// Subject returns what the document says it belongs to, or nil.
func (doc *Doc) Subject() *v1.Descriptor {
	if doc.Index != nil {
		return doc.Index.Subject
	}
	return doc.Image.Subject
}

// IsRunnable reports whether the document is an image with an image config, as
// opposed to an index or another artifact.
func (doc *Doc) IsRunnable() bool {
	return doc.Image != nil && doc.Image.Config.MediaType.IsConfig()
}

// New returns the Doc of raw, with the digest computed (sha256). It is how
// manifests made here, or read without knowing their digest, become known.
func New(raw []byte) (*Doc, error) {
	return Parse(Describe("", raw), raw)
}

// Describe returns the descriptor of raw.
func Describe(mt types.MediaType, raw []byte) v1.Descriptor {
	sum := sha256.Sum256(raw)
	return v1.Descriptor{
		MediaType: mt,
		Size:      int64(len(raw)),
		Digest:    v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])},
	}
}

// ParseConfig parses an image config. Its digest is the caller's to verify.
func ParseConfig(raw []byte) (*v1.ConfigFile, error) {
	if len(raw) > MaxConfigBytes {
		return nil, fmt.Errorf("parsing config: %d bytes, more than the %d allowed", len(raw), MaxConfigBytes)
	}
	c := new(v1.ConfigFile)
	if err := Decode(raw, c); err != nil {
		return nil, fmt.Errorf("parsing config: %w", err)
	}
	if len(c.RootFS.DiffIDs) > MaxChildren || len(c.History) > MaxChildren {
		return nil, fmt.Errorf("parsing config: more than %d layers", MaxChildren)
	}
	return c, nil
}

// ParseIndexFile parses the index.json of an OCI layout (image-spec:
// image-layout.md), which unlike other indexes may be large.
func ParseIndexFile(raw []byte) (*v1.IndexManifest, error) {
	if len(raw) > MaxIndexBytes {
		return nil, fmt.Errorf("parsing index.json: %d bytes, more than the %d allowed", len(raw), MaxIndexBytes)
	}
	idx := new(v1.IndexManifest)
	if err := Decode(raw, idx); err != nil {
		return nil, fmt.Errorf("parsing index.json: %w", err)
	}
	for _, d := range idx.Manifests {
		if err := CheckDescriptor(d); err != nil {
			return nil, fmt.Errorf("parsing index.json: %w", err)
		}
	}
	return idx, nil
}
