package open

import (
	"context"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// An Image is one image of a source, with the names it has there in full; none
// if there are none.
type Image struct {
	Root  v1.Descriptor // zero where only resolving the name would tell
	Names []string
}

// Image resolves what s names. If it names none and there are several, the error
// is a [*place.ChoiceError].
func (s *Source) Image(ctx context.Context) (Image, error) {
	root, err := s.Resolve(ctx, s.Name)
	if err != nil {
		return Image{}, err
	}
	_, isUpdate := place.As[*bundle.Source](place.Source(s)) // which has the names
	if s.Ref.There().Kind == ref.Registry && !isUpdate {
		n := s.Ref.Name
		if n.Tag != "" {
			n.Digest = ""
		}
		return Image{Root: root, Names: []string{n.String()}}, nil
	}
	if nameOf(s.Ref) != "" && s.Ref.There().Kind != ref.Store && !isUpdate {
		return Image{Root: root, Names: []string{nameOf(s.Ref)}}, nil
	}
	all, err := s.list(ctx)
	if err != nil {
		return Image{}, err
	}
	for _, img := range all {
		if img.Root.Digest != root.Digest {
			continue
		}
		// One of several names was asked for, or a digest that has them all.
		for _, asked := range []string{s.Ref.Image, s.Ref.Name.Tagged()} {
			if slices.Contains(img.Names, asked) {
				img.Names = []string{asked}
			}
		}
		return img, nil
	}
	return Image{Root: root}, nil
}

// Images returns the one image that s names or, if it names none, all there are.
func (s *Source) Images(ctx context.Context) ([]Image, error) {
	if s.Name == "" {
		all, err := s.list(ctx)
		if err == nil && len(all) == 0 {
			_, err = s.Resolve(ctx, "") // says why
			if err == nil {
				err = place.ErrNotFound
			}
		}
		return all, err
	}
	img, err := s.Image(ctx)
	return []Image{img}, err
}

// list returns every image once with all its names, in order of the first name.
func (s *Source) list(ctx context.Context) ([]Image, error) {
	l, ok := place.As[place.Lister](place.Source(s))
	if !ok {
		return nil, errors.New("what is in there cannot be listed: name an image")
	}
	var all []Image
	at := map[v1.Hash]int{}
	err := l.List(ctx, func(e place.Entry) error {
		i, seen := at[e.Root.Digest]
		if !seen || e.Root.Digest.Hex == "" {
			i = len(all)
			at[e.Root.Digest] = i
			all = append(all, Image{Root: e.Root})
		}
		if e.Name != "" && e.Name[0] != '@' {
			all[i].Names = append(all[i].Names, e.Name)
		}
		return nil
	})
	return all, err
}
