package layers

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/place"
)

// Export writes the file system of one image of root to w: what a container of it
// would begin with. Layers are read twice, the first time for what they hide of
// each other. Of Windows images it is Files and Hives, as the layers have them.
func Export(ctx context.Context, src place.Source, root v1.Descriptor, w merge.Writer, o Options) (err error) {
	img, err := One(ctx, src, root, o)
	if err != nil {
		return err
	}
	r := newReader(src, o)
	defer func() { err = errors.Join(err, r.close()) }()
	t, err := r.tree(ctx, img, nil)
	if err != nil {
		return fmt.Errorf("exporting %s: %w", img.Manifest.Descriptor.Digest, err)
	}
	s := merge.Stream{Tree: t, Open: r.opener(img.Manifest.Image.Layers)}
	if err := s.To(ctx, w); err != nil {
		return fmt.Errorf("exporting %s: %w", img.Manifest.Descriptor.Digest, err)
	}
	return nil
}
