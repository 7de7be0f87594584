// Package bundle carries images across a gap: an [Inventory] says what the other
// side has, an update archive holds the rest. [NewSink] makes an archive that is
// written an update, [Open] makes the images of one whole again with what lies
// elsewhere. docs/formats.md describes both formats.
package bundle

import "github.com/google/go-containerregistry/pkg/v1/types"

// The media types of what is written here. The number in them is the version:
// within one, keys are only added.
const (
	InventoryType types.MediaType = "application/vnd.dray.inventory.v1+json"
)
