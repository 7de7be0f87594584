package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Options say which platforms to look at. The zero value looks at all there are.
type Options struct {
	// Platforms are those asked for. A platform that is not there is an
	// [*arch.MissingError], also where the root is a single image.
	Platforms arch.Selection
	// Host is what "local" means, and what is taken where one platform is needed
	// and none was asked for.
	Host   arch.Platform
	Events event.Handler
}

// asks reports whether particular platforms were asked for.
func (o Options) asks() bool { return !o.Platforms.All && !o.Platforms.IsZero() }

// ErrSeveral is returned where one platform is needed and several were asked for.
var ErrSeveral = errors.New("several platforms were asked for, and only one can be shown")

// entries returns the images of index that o asks for, in the order of the index.
func (o Options) entries(ctx context.Context, src place.Source, index *manifest.Doc) ([]image.Entry, error) {
	all, err := image.Platforms(ctx, src, index)
	if err != nil || !o.asks() {
		return all, err
	}
	chosen, err := o.Platforms.Apply(platforms(all), o.Host)
	if err != nil {
		return nil, err
	}
	entries := make([]image.Entry, 0, len(chosen))
	for _, i := range chosen {
		entries = append(entries, all[i])
	}
	return entries, nil
}

// one returns the image of index that o asks for or, if it asks for none, the
// only one there is, else the host's; then it notes the others.
func (o Options) one(ctx context.Context, src place.Source, index *manifest.Doc) (image.Entry, error) {
	all, err := o.entries(ctx, src, index)
	switch {
	case err != nil:
		return image.Entry{}, err
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return image.Entry{}, fmt.Errorf("there is no image in index %s: %w", index.Descriptor.Digest, place.ErrNotFound)
	case !o.Platforms.IsZero():
		return image.Entry{}, ErrSeveral
	}
	have := platforms(all)
	at, _ := arch.Select(have, o.Host)
	if at < 0 {
		return image.Entry{}, &arch.MissingError{Missing: []arch.Platform{o.Host}, Have: have}
	}
	o.noteOthers(have, at)
	return all[at], nil
}

func (o Options) noteOthers(have []arch.Platform, taken int) {
	var others []string
	for i, p := range have {
		if i != taken {
			others = append(others, p.String())
		}
	}
	o.Events.Emit(event.Event{
		Kind: event.Note, Hint: "--platform shows another",
		Text: fmt.Sprintf("this is %s; there are also %s", have[taken], strings.Join(others, ", ")),
	})
}

// check fails if the only platform there is, is not one that was asked for.
func (o Options) check(have arch.Platform) error {
	if !o.asks() {
		return nil
	}
	_, err := o.Platforms.Apply([]arch.Platform{have}, o.Host)
	return err
}

func platforms(entries []image.Entry) []arch.Platform {
	all := make([]arch.Platform, len(entries))
	for i, e := range entries {
		all[i] = e.Platform
	}
	return all
}

// Digests returns the descriptors of the platforms that o asks for, in the order
// of the index; root itself if it asks for none. It then reads nothing.
func Digests(ctx context.Context, src place.Source, root v1.Descriptor, o Options) ([]v1.Descriptor, error) {
	if !o.asks() {
		return []v1.Descriptor{root}, nil
	}
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return nil, err
	}
	entries, err := o.entries(ctx, src, doc)
	if err != nil {
		return nil, err
	}
	found := make([]v1.Descriptor, 0, len(entries))
	for _, e := range entries {
		found = append(found, e.Descriptor)
	}
	return found, nil
}

// Manifest reads the manifest of the platform that o asks for; that of root
// itself, which may be an index, if it asks for none.
func Manifest(ctx context.Context, src place.Source, root v1.Descriptor, o Options) (*manifest.Doc, error) {
	found, err := Digests(ctx, src, root, o)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, ErrSeveral
	}
	return place.ReadManifest(ctx, src, found[0])
}
