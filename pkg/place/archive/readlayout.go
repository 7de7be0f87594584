package archive

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// maxMarkerBytes bounds the oci-layout file, of which 30 are enough.
const maxMarkerBytes = 4096

// loadLayout reads the index.json of an OCI layout (image-spec: image-layout.md).
func (a *Archive) loadLayout() error {
	if err := a.checkMarker(); err != nil {
		return err
	}
	raw, err := a.readFile("index.json", manifest.MaxIndexBytes)
	if err != nil {
		return err
	}
	if a.index, err = layout.ParseIndex(raw); err != nil {
		return err
	}
	if doc := a.index.Flat(raw); doc != nil {
		a.other[doc.Descriptor.Digest] = raw
		a.index = layout.NewIndex()
		a.index.Add(doc.Descriptor)
	}
	return nil
}

// checkMarker reads the oci-layout file. Some archives have none.
func (a *Archive) checkMarker() error {
	if !a.holds("oci-layout") {
		return nil
	}
	raw, err := a.readFile("oci-layout", maxMarkerBytes)
	if err != nil {
		return err
	}
	var marker struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := manifest.Decode(raw, &marker); err != nil {
		return fmt.Errorf("oci-layout: %w: %w", place.ErrInvalid, err)
	}
	if !strings.HasPrefix(marker.Version, "1.") {
		return fmt.Errorf("oci-layout: version %.20q: %w", marker.Version, place.ErrUnsupported)
	}
	return nil
}
