package layout

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
)

// Flat returns the index.json raw, which x was parsed from, as an index of its
// own if that is what it is, else nil: some
// tools (go-containerregistry's layout.Write, apko) write the index of an image
// for several platforms there, in place of one entry that points at it. Its
// entries have platforms, and no names.
func (x *Index) Flat(raw []byte) *manifest.Doc {
	entries := x.List()
	if len(entries) < 2 {
		return nil
	}
	seen := map[v1.Hash]bool{}
	for _, e := range entries {
		if Name(e.Root) != "" || e.Root.Platform == nil || seen[e.Root.Digest] {
			return nil
		}
		seen[e.Root.Digest] = true
	}
	doc, err := manifest.New(raw)
	if err != nil || doc.Index == nil {
		return nil // it has more or larger parts than an image may have
	}
	return doc
}
