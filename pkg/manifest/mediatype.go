package manifest

import (
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ErrSchema1 is returned for Docker's manifests of before 2016, which no
// current registry or engine serves any more.
var ErrSchema1 = errors.New("it is a Docker schema 1 manifest, which is no longer supported anywhere")

// MediaType returns the media type of the manifest or index raw: what it says
// itself or, where it says nothing (OCI allows that), what its shape is. A
// document that has the parts of both is refused (CVE-2021-41190).
func MediaType(raw []byte) (types.MediaType, error) {
	var head struct {
		SchemaVersion int64           `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Config        json.RawMessage `json:"config"`
		Layers        json.RawMessage `json:"layers"`
		Manifests     json.RawMessage `json:"manifests"`
		FSLayers      json.RawMessage `json:"fsLayers"`
		Blobs         json.RawMessage `json:"blobs"`
	}
	if err := Decode(raw, &head); err != nil {
		return "", err
	}
	isImage, isIndex := head.Layers != nil || head.Config != nil, head.Manifests != nil
	switch {
	case head.FSLayers != nil || head.SchemaVersion == 1 || head.MediaType.IsSchema1() && head.MediaType != types.OCIManifestSchema1:
		return "", ErrSchema1
	case isImage && isIndex:
		return "", errors.New("it has both layers and manifests")
	case head.Blobs != nil && head.Layers == nil:
		return "", fmt.Errorf("%q is not supported", head.MediaType)
	case head.MediaType.IsIndex() && !isImage, head.MediaType.IsImage() && !isIndex:
		return head.MediaType, nil
	case head.MediaType != "":
		return "", fmt.Errorf("media type %q does not fit its content", head.MediaType)
	case isIndex:
		return types.OCIImageIndex, nil
	case isImage:
		return types.OCIManifestSchema1, nil
	}
	return "", errors.New("it is neither an image manifest nor an index")
}

// Is reports whether mt is a manifest or an index: a document that names other
// content, and lies under manifests/ at a registry.
func Is(mt types.MediaType) bool { return mt.IsImage() || mt.IsIndex() }

// IsForeign reports whether layer d is one that registries need not hold: its
// media type says so and it names where else it can be had.
func IsForeign(d v1.Descriptor) bool { return !d.MediaType.IsDistributable() && len(d.URLs) > 0 }
