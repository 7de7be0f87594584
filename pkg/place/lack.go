package place

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Lacker has images without all of their content: an update, which leaves out
// what the other side has.
type Lacker interface {
	// Lacks returns those of blobs that the source cannot open. It reads none of them.
	Lacks(ctx context.Context, blobs []v1.Descriptor) ([]v1.Descriptor, error)
}

// A Rebuilder is a Lacker that makes some of its content of other content.
type Rebuilder interface {
	// LacksFor returns what d would be made of and the source cannot open; nothing if
	// d is not made. It reads none of it.
	LacksFor(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error)
}

// A Lack is content that an image needs and that is nowhere to be had.
type Lack struct {
	Image string // by its name, or its digest
	Blob  v1.Descriptor
	For   v1.Hash // what would be rebuilt from it; zero: nothing, it is needed itself
}

// A LackError says what is lacking. It wraps ErrNotFound.
type LackError struct{ Lacks []Lack }

// How many images are named, and of each how many blobs.
const (
	mostLackingImages = 5
	mostLackingBlobs  = 3
)

// Error names each image and its blobs; of very many the first.
func (e *LackError) Error() string {
	var images []string
	blobs, bytes := map[string][]Lack{}, int64(0)
	for _, l := range e.Lacks {
		if len(blobs[l.Image]) == 0 {
			images = append(images, l.Image)
		}
		blobs[l.Image] = append(blobs[l.Image], l)
		bytes += l.Blob.Size
	}
	said := make([]string, 0, mostLackingImages+1)
	for _, name := range images[:min(len(images), mostLackingImages)] {
		said = append(said, lacksOf(name, blobs[name]))
	}
	if more := len(images) - len(said); more > 0 {
		said = append(said, fmt.Sprintf("and %d more images", more))
	}
	return strings.Join(said, "; ")
}

func lacksOf(image string, blobs []Lack) string {
	list := make([]string, 0, mostLackingBlobs)
	for _, l := range blobs[:min(len(blobs), mostLackingBlobs)] {
		what := ""
		if l.For.Hex != "" {
			what = fmt.Sprintf(", to rebuild %s from", l.For)
		}
		list = append(list, fmt.Sprintf("%s (%d bytes%s)", l.Blob.Digest, l.Blob.Size, what))
	}
	more := ""
	if n := len(blobs) - len(list); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%.300s needs %s%s", image, strings.Join(list, ", "), more)
}

func (e *LackError) Unwrap() error { return ErrNotFound }

// Hint says where the rest may come from.
func (e *LackError) Hint() string {
	return "name a place that has it with --with: store:, an earlier archive or update, a layout, a registry's repository"
}
