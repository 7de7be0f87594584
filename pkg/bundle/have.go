package bundle

import (
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Have is what the other side has. It does not change.
type Have struct {
	blobs    map[v1.Hash]Blob
	order    []v1.Hash
	unpacked map[v1.Hash][]Blob // by diffID
}

// NewHave returns what the inventories list together, whatever their order.
func NewHave(inventories ...*Inventory) *Have {
	h := &Have{blobs: map[v1.Hash]Blob{}, unpacked: map[v1.Hash][]Blob{}}
	for _, inv := range inventories {
		for _, b := range inv.Blobs {
			if old, ok := h.blobs[b.Digest]; !ok || old.DiffID == nil && b.DiffID != nil {
				h.blobs[b.Digest] = b
			}
		}
	}
	h.order = slices.SortedFunc(maps.Keys(h.blobs), compareHash)
	for _, d := range h.order {
		if b := h.blobs[d]; b.DiffID != nil {
			h.unpacked[*b.DiffID] = append(h.unpacked[*b.DiffID], b)
		}
	}
	return h
}

// Blob returns what is known of d, if it is there.
func (h *Have) Blob(d v1.Descriptor) (Blob, bool) {
	b, ok := h.blobs[d.Digest]
	return b, ok && b.Size == d.Size
}

// Unpacked returns the layers that are there and unpacked are diffID, whatever
// their compression.
func (h *Have) Unpacked(diffID v1.Hash) []Blob { return h.unpacked[diffID] }

// All visits everything in order of digest, until visit returns false.
func (h *Have) All(visit func(Blob) bool) {
	for _, d := range h.order {
		if !visit(h.blobs[d]) {
			return
		}
	}
}
