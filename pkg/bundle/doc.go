// Package bundle carries images across a gap: an [Inventory] says what the other
// side has, an update archive holds the rest. [NewSink] makes an archive that is
// written an update, [Open] makes the images of one whole again with what lies
// elsewhere. docs/formats.md describes both formats.
package bundle

import (
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/delta"
)

// The types of what is written here. The number in each is its version: within
// one, keys are only added.
const (
	InventoryType types.MediaType = "application/vnd.dray.inventory.v1+json"
	// UpdateType is the artifactType of the manifest by which one image travels.
	UpdateType = "application/vnd.dray.update.v1"
	// DocumentType is that of the first layer of such a manifest.
	DocumentType types.MediaType = "application/vnd.dray.update.document.v1+json"
	// RecipeType is that of a layer that stands for a blob made of others. RecipeTokensType
	// is that of one for a blob whose encoder nobody knows: older readers refuse it.
	RecipeType       types.MediaType = delta.MediaType
	RecipeTokensType types.MediaType = delta.MediaTypeTokens

	emptyType types.MediaType = "application/vnd.oci.empty.v1+json" // image-spec: manifest.md, guidance for an empty descriptor
)

// The annotations of a recipe.
const (
	annotationTarget     = "io.dray.recipe.target" // digest of the blob it makes
	annotationTargetSize = "io.dray.recipe.target.size"
	annotationBases      = "io.dray.recipe.bases" // digests of the blobs that it takes, with spaces between
)

// updateSuffix ends the name under which an update stands in index.json, so that
// nobody who takes names from there takes it for the image: no tag may hold a +.
const updateSuffix = "+update"
