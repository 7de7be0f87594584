package inspect

import (
	"context"
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Step is one entry of an image's history, with the layer that it made. Its
// JSON form is part of dray's contract.
type Step struct {
	Created    time.Time       `json:"created,omitzero"`
	CreatedBy  string          `json:"createdBy"`
	Author     string          `json:"author,omitempty"`
	Comment    string          `json:"comment,omitempty"`
	EmptyLayer bool            `json:"emptyLayer"`      // it made none; what follows is then unset
	Size       int64           `json:"size"`            // bytes of the layer as it is stored
	Digest     v1.Hash         `json:"digest,omitzero"` // of the layer as it is stored
	MediaType  types.MediaType `json:"mediaType,omitempty"`
}

// History returns how an image came to be, the newest step first. Which platform
// it takes is as with [Config]. Layers of which the history says nothing stand
// in it as steps without words. It returns [place.ErrUnsupported] for what is no image.
func History(ctx context.Context, src place.Source, root v1.Descriptor, o Options) ([]Step, error) {
	s, err := Config(ctx, src, root, o)
	if err != nil {
		return nil, err
	}
	m := s.Manifest.Image
	if s.Config == nil {
		return nil, fmt.Errorf("%s is no image, its config is %.100q: it has no history: %w",
			s.Manifest.Descriptor.Digest, m.Config.MediaType, place.ErrUnsupported)
	}
	all, fits := steps(s.Config.History, m.Layers)
	if !fits {
		o.Events.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf("the history does not fit the %d layers: which step made which is a guess", len(m.Layers))})
	}
	return all, nil
}

// steps gives the layers, in their order, to the entries that are not empty. It
// reports whether that comes out even, or there is no history at all.
func steps(history []v1.History, layers []v1.Descriptor) (all []Step, fits bool) {
	fits = true
	rest := layers
	for _, h := range history {
		s := Step{Created: h.Created.Time, CreatedBy: h.CreatedBy, Author: h.Author, Comment: h.Comment, EmptyLayer: h.EmptyLayer}
		switch {
		case h.EmptyLayer:
		case len(rest) == 0:
			fits = false
		default:
			s.made(rest[0])
			rest = rest[1:]
		}
		all = append(all, s)
	}
	fits = fits && (len(rest) == 0 || len(history) == 0)
	for _, d := range rest {
		s := Step{}
		s.made(d)
		all = append(all, s)
	}
	slices.Reverse(all)
	return all, fits
}

func (s *Step) made(d v1.Descriptor) {
	s.Size, s.Digest, s.MediaType = d.Size, d.Digest, d.MediaType
}
