package manifest

import (
	"encoding/json"
	"strings"

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

// ReferrersTag returns the tag under which the list of what refers to h stands at a
// registry without the referrers API: at most 128 characters make a tag, so that the
// parts are cut to 32 and 64 (distribution-spec: Referrers Tag Schema).
func ReferrersTag(h v1.Hash) string {
	return h.Algorithm[:min(len(h.Algorithm), 32)] + "-" + h.Hex[:min(len(h.Hex), 64)]
}

// cosignSuffixes end the tags under which cosign keeps what belongs to an image.
var cosignSuffixes = []string{".att", ".sbom", ".sig"}

// CosignTags returns the tags under which cosign keeps the attestations, the SBOM and
// the signatures of subject, in the repository of subject: the manifests there name
// no subject themselves. There are none for what is no SHA-256.
func CosignTags(subject v1.Hash) []string {
	if subject.Algorithm != "sha256" {
		return nil
	}
	tags := make([]string, 0, len(cosignSuffixes))
	for _, suffix := range cosignSuffixes {
		tags = append(tags, ReferrersTag(subject)+suffix)
	}
	return tags
}

// SubjectOf returns the digest that a tag speaks of, if it is one of [CosignTags]
// (cosign is true) or a [ReferrersTag].
func SubjectOf(tag string) (subject v1.Hash, cosign, ok bool) {
	for _, suffix := range cosignSuffixes {
		if tag, cosign = strings.CutSuffix(tag, suffix); cosign {
			break
		}
	}
	hex, ok := strings.CutPrefix(tag, "sha256-")
	if !ok {
		return v1.Hash{}, false, false
	}
	subject, err := v1.NewHash("sha256:" + hex)
	return subject, cosign && err == nil, err == nil
}
