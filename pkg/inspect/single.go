package inspect

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Single is the manifest of one image, or of another artifact, with its config.
type Single struct {
	Manifest *manifest.Doc
	Raw      []byte         // the config, byte for byte
	Config   *v1.ConfigFile // nil for what is no image
}

// platform is the one that the config names.
func (s *Single) platform() arch.Platform {
	if s.Config == nil {
		return arch.Platform{}
	}
	return arch.FromV1(s.Config.Platform())
}

// Config reads the manifest and the config of the platform that o asks for; of
// the host's where it asks for none and there are several, which is noted.
func Config(ctx context.Context, src place.Source, root v1.Descriptor, o Options) (*Single, error) {
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return nil, err
	}
	if doc.Index == nil {
		s, err := readSingle(ctx, src, doc)
		if err != nil {
			return nil, err
		}
		return s, o.check(s.platform())
	}
	entry, err := o.one(ctx, src, doc)
	if err != nil {
		return nil, err
	}
	if doc, err = place.ReadManifest(ctx, src, entry.Descriptor); err != nil {
		return nil, err
	}
	return readSingle(ctx, src, doc)
}

// readSingle reads the config of doc, which is no index.
func readSingle(ctx context.Context, src place.Source, doc *manifest.Doc) (*Single, error) {
	s := &Single{Manifest: doc}
	d := doc.Image.Config
	var err error
	if doc.IsRunnable() {
		s.Config, s.Raw, err = place.ReadConfig(ctx, src, d)
		return s, err
	}
	if s.Raw, err = blob.ReadAll(ctx, place.Opener(src, d), d, manifest.MaxConfigBytes); err != nil {
		return nil, fmt.Errorf("reading config %s: %w", d.Digest, err)
	}
	return s, nil
}
