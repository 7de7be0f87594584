// Package engine makes a place of anything that loads and saves images as an
// archive on a stream, as Docker and Podman do.
//
// Content and names go apart. The archive on the stream names nothing: what an
// engine has loaded stands under its digest alone, and Commit then tells the
// engine to make it stand under names. So nothing shows before Commit, a name
// never stands on what the engine did not take, and all engines are alike.
package engine

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// A Loader is an engine that images are written to. Root and config are the
// digests of an image's manifest and of its config: engines know an image by the
// one or the other. The config of an index is zero.
type Loader interface {
	// Traits says what the engine can take; Puts does not matter.
	Traits() place.Traits
	// OneImage says that a stream may hold one image only.
	OneImage() bool
	// Has reports whether the engine holds all of an image already, as it would be
	// after loading it. False is always allowed.
	Has(ctx context.Context, root v1.Descriptor, config v1.Hash) (bool, error)
	// Load hands an archive to the engine and returns when the engine has taken it,
	// or why it has not. It closes r.
	Load(ctx context.Context, r io.ReadCloser) error
	// Tag makes name, a full one, stand for what was loaded, and fails if it does not.
	Tag(ctx context.Context, root v1.Descriptor, config v1.Hash, name string) error
}

// A Saver is an engine that images are read from.
type Saver interface {
	// Save writes the image that stands under name to w, as an archive. It returns
	// place.ErrNotFound if there is none.
	Save(ctx context.Context, w io.Writer, name string) error
	// Digest returns the digest that the engine shows for name; zero if it shows none.
	Digest(ctx context.Context, name string) (v1.Hash, error)
	// List visits the names, full ones.
	List(ctx context.Context, visit func(place.Entry) error) error
}

// An Archive is how streams are made and read.
type Archive struct {
	// Write returns a sink that writes an archive to w and does not close it. The
	// sink is a place.Planner, takes one Put at a time, in the order of its plan, and
	// ends the archive with the Commit of the last root.
	Write func(w io.Writer) (place.Sink, error)
	// Read reads an archive of one image to its end and returns what is in it. The
	// image stands under the empty name.
	Read func(ctx context.Context, r io.Reader) (place.Source, error)
}
