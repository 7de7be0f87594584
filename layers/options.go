package layers

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

// Options say which platforms are meant, and how to work. The zero value means
// all platforms.
type Options struct {
	Platforms arch.Selection
	// Host is what "local" means, and what is taken where one platform is needed and
	// none was asked for.
	Host arch.Platform
	// TempDir is where layers lie that are read twice, or made; empty: the system's.
	TempDir string
	// Spool says that the source is far away: layers that are read are kept in TempDir
	// until the work is done, and never fetched twice.
	Spool  bool
	Jobs   int // how many layers are read at once; 0 means 4
	Events event.Handler
}

func (o Options) jobs() int {
	if o.Jobs <= 0 {
		return 4
	}
	return o.Jobs
}

func (o Options) note(format string, args ...any) {
	o.Events.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf(format, args...)})
}

func (o Options) noteHint(hint, format string, args ...any) {
	o.Events.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// ErrSeveral is returned where one platform is needed and several were asked for.
var ErrSeveral = errors.New("several platforms were asked for, and only one can be taken")

// An Image is one platform's image.
type Image struct {
	Entry     image.Entry // how the index has it; for a single image its own descriptor
	Platform  arch.Platform
	Manifest  *manifest.Doc
	Config    *v1.ConfigFile
	RawConfig []byte
}

// readImage reads manifest and config of e.
func readImage(ctx context.Context, src place.Source, e image.Entry) (*Image, error) {
	doc, err := place.ReadManifest(ctx, src, e.Descriptor)
	if err != nil {
		return nil, err
	}
	if !doc.IsRunnable() {
		return nil, fmt.Errorf("%s is no image that can be run: %w", e.Descriptor.Digest, place.ErrUnsupported)
	}
	img := &Image{Entry: e, Manifest: doc, Platform: e.Platform}
	if img.Config, img.RawConfig, err = place.ReadConfig(ctx, src, doc.Image.Config); err != nil {
		return nil, err
	}
	if img.Platform.OS == "" {
		img.Platform = arch.FromV1(img.Config.Platform())
	}
	if n, m := len(doc.Image.Layers), len(img.Config.RootFS.DiffIDs); n != m {
		return nil, fmt.Errorf("%s has %d layers, its config names %d: %w", e.Descriptor.Digest, n, m, place.ErrInvalid)
	}
	return img, nil
}

// isWindows: names know no upper and lower case, and layers hold Files and Hives.
func (img *Image) isWindows() bool { return img.Platform.Normalize().OS == "windows" }

// One reads the image of root that o asks for; of the host's platform where it asks
// for none and there are several, which is noted.
func One(ctx context.Context, src place.Source, root v1.Descriptor, o Options) (*Image, error) {
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return nil, err
	}
	entries, err := image.Platforms(ctx, src, doc)
	if err != nil {
		return nil, err
	}
	have := platformsOf(entries)
	if o.Platforms.IsZero() && len(entries) == 1 {
		return readImage(ctx, src, entries[0])
	}
	sel := o.Platforms
	if sel.IsZero() {
		sel.Local = true
	}
	chosen, err := sel.Apply(have, o.Host)
	switch {
	case err != nil:
		return nil, err
	case len(chosen) > 1:
		return nil, ErrSeveral
	case len(chosen) == 0:
		return nil, fmt.Errorf("there is no image in %s: %w", root.Digest, place.ErrNotFound)
	}
	if o.Platforms.IsZero() {
		o.noteOthers(have, chosen[0])
	}
	return readImage(ctx, src, entries[chosen[0]])
}

func (o Options) noteOthers(have []arch.Platform, taken int) {
	var others []string
	for i, p := range have {
		if i != taken && p.OS != "" {
			others = append(others, p.String())
		}
	}
	o.noteHint("--platform takes another", "this is %s; there are also %s", have[taken], strings.Join(others, ", "))
}

func platformsOf(entries []image.Entry) []arch.Platform {
	all := make([]arch.Platform, len(entries))
	for i, e := range entries {
		all[i] = e.Platform
	}
	return all
}
