// Package merge makes one file system of the layers of an image, without making
// it on a disk: each layer's tar is read once into a table of its headers, and the
// tables are laid over each other from the top. No content is kept in memory.
//
// The rules are those of overlay file systems and of image-spec: layer.md. What
// stands higher hides what stands lower. A whiteout hides lower layers only, wherever
// it stands in its own. A folder over a folder takes its metadata from the higher one
// that lists it; over anything else it replaces it, also if it is not listed but only
// has something inside. Within a layer the tar is followed as an engine would unpack
// it: later entries win, and links that come before are followed, never out of the
// root. Hard links find their file in the same layer, else in the ones below.
package merge

import (
	"errors"

	"github.com/dray-oci/dray/pkg/tario"
)

// Errors that readers and trees return.
var (
	// ErrInvalid is wrapped by errors that say the tar of a layer is not acceptable.
	ErrInvalid = tario.ErrInvalid
	// ErrTooLarge: the tables would take more memory than they may.
	ErrTooLarge = errors.New("it has more files than can be merged")
)

// Whiteouts (image-spec: layer.md).
const (
	Whiteout   = ".wh."         // before the name of what lower layers have and this one has not
	OpaqueMark = ".wh..wh..opq" // in a folder of which lower layers show nothing
	aufsPrefix = ".wh..wh."     // what else begins so, AUFS kept for itself
)
