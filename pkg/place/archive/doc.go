// Package archive is images in a tar as a place: one that Docker, Podman,
// containerd, skopeo and dray all load is written, and whatever any of them
// writes is read.
//
// The [Hybrid] form is an OCI image layout (image-spec: image-layout.md) and what
// docker save writes at once: index.json and manifest.json point at the same
// content, which stands in the tar once and byte for byte as the registry had
// it. Small members come first:
//
//	oci-layout  index.json  manifest.json  blobs/  blobs/sha256/
//	indexes, manifests, configs, each kind by digest
//	layers and other content, by digest
//
// A file can be cut into parts (pkg/parts), each of which is written in place too.
//
// Every member has mode 0644 (folders 0755), no owner and no time, so that the
// archive depends on its images and their names alone.
package archive

import (
	"fmt"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
)

// A Form is what an archive looks like to those who load it.
type Form string

// The forms. The empty Form is Hybrid to a writer, and to a reader whatever it finds.
const (
	Hybrid Form = "hybrid" // Docker's and OCI's in one
	Docker Form = "docker" // what docker save writes: single images, no manifests
	OCI    Form = "oci"    // an OCI image layout
)

// Options for writing an archive. The zero value writes a Hybrid.
type Options struct {
	As       Form
	Parts    Parts          // how the file is cut
	Events   event.Handler  // hears what some engine will not be able to load
	Verified *memo.Verified // remembers which archives stand; may be nil
}

func (o Options) check() error {
	switch o.As {
	case "", Hybrid, Docker, OCI:
		return o.Parts.check()
	}
	return fmt.Errorf("writing archive: there is no form %q", string(o.As))
}

// traits are those of a file; a stream takes one Put at a time.
func (o Options) traits() place.Traits {
	switch o.As {
	case Docker:
		return place.Traits{Kind: "docker archive", NoIndex: true, Rewrites: true}
	case OCI:
		return place.Traits{Kind: "oci archive", Sparse: true, Referrers: true}
	}
	return place.Traits{Kind: "archive", Sparse: true, Referrers: true}
}
