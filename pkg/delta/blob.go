package delta

import (
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
)

// Media types of recipes: those that tell tokens have one of their own, since older
// readers do not know what to do with them.
const (
	MediaType       = "application/vnd.dray.recipe.v1"
	MediaTypeTokens = "application/vnd.dray.recipe.v2"
)

// A Blob is a layer that can be read.
type Blob struct {
	Desc   v1.Descriptor // Digest and Size are used
	DiffID v1.Hash       // of what it unpacks to; zero if not known
	Open   blob.Opener
	// Held describes what Open opens if that is not Desc, but another compression of
	// the same tar: a base that only the receiver has.
	Held *v1.Descriptor
}

// held describes what Open opens.
func (b Blob) held() v1.Descriptor {
	if b.Held != nil {
		return *b.Held
	}
	return b.Desc
}

// Options say how to work. The zero value works.
type Options struct {
	// TempDir is where the unpacked layer is kept; "" means the system's own.
	TempDir string
	// Spare is for what TempDir must have room besides, as where [Apply] writes to is
	// there too; bytes.
	Spare int64
	// Jobs is how many encoders may run at once; below 1 means one.
	Jobs int
	// MaxUnpackedBytes is what a layer may unpack to; 0 means whatever an honest
	// layer of its size can unpack to.
	MaxUnpackedBytes int64
	// NoRepack has [Make] fail with [ErrNotSmaller] where bases have next to nothing of
	// a layer, instead of compressing it better.
	NoRepack bool
	// Events is told how far it is, as [event.Work].
	Events event.Handler

	progress *progress
}

// Stats say what a recipe is made of, in bytes.
type Stats struct {
	Method  Method
	Bytes   int64 // of the recipe
	Length  int64 // of what is described: the tar, or the blob as it is
	Copied  int64 // taken from bases as it is
	Changed int64 // taken from bases with differences
	New     int64 // carried, unpacked
	Encoder string
}

// A Method is a way to describe a blob.
type Method string

// The methods there are.
const (
	Same   Method = "same"   // a base is the same tar under another compression
	Delta  Method = "delta"  // copies from the tars of bases
	Repack Method = "repack" // the tar, compressed better than in the blob
	Tokens Method = "tokens" // as Delta, and the encoder's choices are copied from bases
	Bytes  Method = "bytes"  // copies from bases as they are stored
)

// Errors of [Make]: they say that the blob is to be carried as it is.
var (
	// ErrNotSmaller: the recipe would not be smaller than the blob.
	ErrNotSmaller = errors.New("a recipe would not be smaller")
	// ErrNotExact: what the recipe rebuilds is not the blob.
	ErrNotExact = errors.New("it cannot be rebuilt exactly")
)

// ErrInvalid says of a recipe that it is damaged, or breaks a bound.
var ErrInvalid = errors.New("not a valid recipe")
