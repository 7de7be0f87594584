package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Bounds on an inventory. One blob takes about 300 bytes, so that both are met at
// once; who has more makes several.
const (
	MaxInventoryBytes = 64 << 20
	MaxBlobs          = 200_000
	maxNameBytes      = 1024
)

// An Inventory says what a place has. It holds no time and no order of its own:
// the same content gives the same bytes.
type Inventory struct {
	Images []Image
	Blobs  []Blob // manifests and configs too
}

// An Image is one name, or none, with what it stands for.
type Image struct {
	Name   string  `json:"name,omitempty"`
	Digest v1.Hash `json:"digest"`
}

// A Blob is content by its digest. DiffID is the digest of what a layer is
// unpacked, where that is known: one that differs only in compression has the same.
type Blob struct {
	Digest    v1.Hash         `json:"digest"`
	Size      int64           `json:"size"`
	MediaType types.MediaType `json:"mediaType"`
	DiffID    *v1.Hash        `json:"diffID,omitempty"`
}

// Descriptor is b as places know it.
func (b Blob) Descriptor() v1.Descriptor {
	return v1.Descriptor{MediaType: b.MediaType, Size: b.Size, Digest: b.Digest}
}

func (b Blob) check() error {
	if err := manifest.CheckDescriptor(b.Descriptor()); err != nil {
		return err
	}
	if b.DiffID != nil {
		if _, err := v1.NewHash(b.DiffID.String()); err != nil {
			return fmt.Errorf("diffID of %s: %w", b.Digest, err)
		}
	}
	if len(b.MediaType) > maxNameBytes {
		return fmt.Errorf("media type of %s: %d bytes", b.Digest, len(b.MediaType))
	}
	return nil
}

// ReadInventory reads and parses an inventory. The error wraps place.ErrInvalid
// if r holds something else, place.ErrUnsupported if it is of another version.
func ReadInventory(r io.Reader) (*Inventory, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxInventoryBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading inventory: %w", err)
	}
	inv, err := parseInventory(raw)
	if err != nil {
		return nil, fmt.Errorf("reading inventory: %w", err)
	}
	return inv, nil
}

func parseInventory(raw []byte) (*Inventory, error) {
	if len(raw) > MaxInventoryBytes {
		return nil, fmt.Errorf("more than the %d bytes allowed: %w", MaxInventoryBytes, place.ErrInvalid)
	}
	var doc struct {
		MediaType types.MediaType `json:"mediaType"`
		Images    []Image         `json:"images"`
		Blobs     []Blob          `json:"blobs"`
	}
	if err := manifest.Decode(raw, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	if err := checkType(doc.MediaType, InventoryType); err != nil {
		return nil, err
	}
	inv := &Inventory{Images: doc.Images, Blobs: doc.Blobs}
	if err := inv.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return inv, nil
}

// checkType fails if a document is none of this version.
func checkType(got, want types.MediaType) error {
	switch {
	case got == want:
		return nil
	case got == "":
		return fmt.Errorf("it has no mediaType, which would be %s: %w", want, place.ErrInvalid)
	}
	return fmt.Errorf("it is %.100q, not %s: %w", got, want, place.ErrUnsupported)
}

func (inv *Inventory) check() error {
	if len(inv.Blobs) > MaxBlobs {
		return fmt.Errorf("more than %d blobs", MaxBlobs)
	}
	for _, img := range inv.Images {
		if _, err := v1.NewHash(img.Digest.String()); err != nil {
			return fmt.Errorf("image %.100q: %w", img.Name, err)
		}
		if len(img.Name) > maxNameBytes {
			return fmt.Errorf("a name of %d bytes", len(img.Name))
		}
	}
	sizes := make(map[v1.Hash]int64, len(inv.Blobs))
	for _, b := range inv.Blobs {
		if err := b.check(); err != nil {
			return err
		}
		if size, ok := sizes[b.Digest]; ok && size != b.Size {
			return fmt.Errorf("%s is listed with %d and with %d bytes", b.Digest, size, b.Size)
		}
		sizes[b.Digest] = b.Size
	}
	return nil
}

// Bytes is the size of all blobs together.
func (inv *Inventory) Bytes() (n int64) {
	for _, b := range inv.Blobs {
		n += b.Size
	}
	return n
}

// Marshal returns the document: an entry on each line, in order. It fails if it
// would be more than [ReadInventory] takes.
func (inv *Inventory) Marshal() ([]byte, error) {
	images, blobs := slices.Clone(inv.Images), slices.Clone(inv.Blobs)
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareHash(a.Digest, b.Digest))
	})
	slices.SortFunc(blobs, func(a, b Blob) int { return compareHash(a.Digest, b.Digest) })
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "{\n \"mediaType\": %q,\n \"images\": [", InventoryType)
	err := writeLines(&buf, images)
	buf.WriteString("],\n \"blobs\": [")
	if err == nil {
		err = writeLines(&buf, blobs)
	}
	buf.WriteString("]\n}\n")
	if err == nil && (buf.Len() > MaxInventoryBytes || len(blobs) > MaxBlobs) {
		err = fmt.Errorf("%d blobs in %d bytes are too many for one: make several", len(blobs), buf.Len())
	}
	if err != nil {
		return nil, fmt.Errorf("writing inventory: %w", err)
	}
	return buf.Bytes(), nil
}

func writeLines[E any](buf *bytes.Buffer, entries []E) error {
	for i, e := range entries {
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteString("\n  ")
		buf.Write(raw)
	}
	if len(entries) > 0 {
		buf.WriteString("\n ")
	}
	return nil
}

func compareHash(a, b v1.Hash) int {
	return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Hex, b.Hex))
}
