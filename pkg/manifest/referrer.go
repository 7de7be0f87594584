package manifest

import (
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// AsReferrer returns the descriptor under which the document is listed at its
// subject: with the type of the artifact and its annotations (distribution-spec:
// Listing Referrers).
func (doc *Doc) AsReferrer() v1.Descriptor {
	d := v1.Descriptor{MediaType: doc.Descriptor.MediaType, Size: doc.Descriptor.Size, Digest: doc.Descriptor.Digest}
	var head struct {
		ArtifactType string            `json:"artifactType"`
		Annotations  map[string]string `json:"annotations"`
	}
	if json.Unmarshal(doc.Raw, &head) == nil { // Parse has accepted it
		d.ArtifactType, d.Annotations = head.ArtifactType, head.Annotations
	}
	if d.ArtifactType == "" && doc.Image != nil {
		d.ArtifactType = string(doc.Image.Config.MediaType)
	}
	return d
}
