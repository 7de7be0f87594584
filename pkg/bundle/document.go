package bundle

import (
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
)

// maxDocumentBytes bounds an update document: [manifest.MaxChildren] needs of 350
// bytes, and as much again for names.
const maxDocumentBytes = 8 << 20

// maxImageNames bounds the names of one image in an update.
const maxImageNames = 10_000

// A document says what an update is of, and what it needs.
type document struct {
	MediaType types.MediaType `json:"mediaType"`
	Names     []string        `json:"names"`
	Root      v1.Descriptor   `json:"root"`
	Needs     []Blob          `json:"needs"`
}

// A doc is bytes with the descriptor of them.
type doc struct {
	d   v1.Descriptor
	raw []byte
}

func newDoc(mt types.MediaType, v any) (doc, error) {
	raw, err := json.Marshal(v)
	return doc{manifest.Describe(mt, raw), raw}, err
}

// An artifact is what one image travels as: a manifest and its document.
type artifact struct {
	manifest, document doc
}

// newArtifact returns the artifact of said, with carried in order.
func newArtifact(said document, carried []v1.Descriptor) (artifact, error) {
	said.MediaType = DocumentType
	if said.Names == nil {
		said.Names = []string{}
	}
	if said.Needs == nil {
		said.Needs = []Blob{}
	}
	slices.SortFunc(said.Needs, func(a, b Blob) int { return compareHash(a.Digest, b.Digest) })
	slices.SortFunc(carried, func(a, b v1.Descriptor) int { return compareHash(a.Digest, b.Digest) })
	if n := len(carried) + 2; n > manifest.MaxChildren { // with the config and the document
		return artifact{}, fmt.Errorf("%d blobs of one image are more than an update holds", n)
	}
	body, err := newDoc(DocumentType, said)
	if err != nil {
		return artifact{}, err
	}
	if len(body.raw) > maxDocumentBytes {
		return artifact{}, fmt.Errorf("the update document has %d bytes, more than the %d allowed", len(body.raw), maxDocumentBytes)
	}
	root := said.Root
	head, err := newDoc(types.OCIManifestSchema1, v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  UpdateType,
		Config:        empty().d,
		Layers:        append([]v1.Descriptor{body.d}, carried...),
		Subject:       &v1.Descriptor{MediaType: root.MediaType, Size: root.Size, Digest: root.Digest},
	})
	head.d.ArtifactType = UpdateType
	if err == nil {
		_, err = manifest.Parse(head.d, head.raw)
	}
	return artifact{head, body}, err
}

// empty is the config of what has none.
func empty() doc {
	raw := []byte("{}")
	return doc{manifest.Describe(emptyType, raw), raw}
}
