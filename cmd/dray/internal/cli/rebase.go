package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

func newRebase(a *app) *cobra.Command {
	var o rebaseFlags
	cmd := &cobra.Command{
		Use:   "rebase SRC -t DST",
		Short: "Put an image on a new version of its base, without building it again",
		Long: `Put an image on a new version of its base, on every platform of an index or those chosen, without
building it and without reading a layer. The old base is what the image says it was built on
(annotation org.opencontainers.image.base.name and .digest), or --old-base; the new one is what stands
under that name now, or --new-base. Settings that it has from the old base become the new one's.

It is refused if the lowest layers of the image are not those of the old base. Whether the upper
layers go with the new base, only running it will show.`,
		Example: `  dray rebase registry.local/app:1.4 -t registry.local/app:1.4-patched
  dray rebase --old-base debian:12.5 --new-base debian:12.6 app.tar -t app-new.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.rebase(cmd.Context(), args[0], o) },
	}
	fs := cmd.Flags()
	fs.StringVar(&o.oldBase, "old-base", "", "`name` of what it was built on (default what it says itself)")
	fs.StringVar(&o.newBase, "new-base", "", "`name` of what it is to stand on (default the old base's name)")
	a.editFlags(fs, &o.editFlags, "rebase")
	return cmd
}

type rebaseFlags struct {
	editFlags
	oldBase, newBase string
}

func (a *app) rebase(ctx context.Context, from string, flags rebaseFlags) error {
	var closers []*open.Source
	err := a.edit(ctx, from, flags.editFlags, func(b *layers.Bench, img open.Image, src *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		oldName, newName, err := flags.names(ctx, src, img, eo)
		if err != nil {
			return nil, err
		}
		o := layers.RebaseOptions{EditOptions: eo}
		for _, base := range []struct {
			name string
			to   *layers.Base
		}{{oldName, &o.Old}, {newName, &o.New}} {
			s, err := a.base(ctx, base.name, base.to)
			if s != nil {
				closers = append(closers, s)
			}
			if err != nil {
				return nil, err
			}
		}
		return b.Rebase(ctx, img.Root, o)
	})
	for _, s := range closers {
		err = errors.Join(err, s.Close())
	}
	return err
}

// names are those of the old base and the new one.
func (f rebaseFlags) names(ctx context.Context, src *open.Source, img open.Image, eo layers.EditOptions) (oldName, newName string, err error) {
	oldName, newName = f.oldBase, f.newBase
	if oldName != "" && newName != "" {
		return oldName, newName, nil
	}
	name, digest, err := layers.BaseOf(ctx, src, img.Root, eo.Options)
	if err != nil {
		return "", "", err
	}
	if newName == "" {
		newName = name
	}
	if newName == "" {
		return "", "", &usageError{errors.New("the image does not say what it was built on: give --old-base and --new-base")}
	}
	if oldName == "" {
		if name == "" || digest == "" {
			return "", "", &usageError{errors.New("the image does not say by its digest what it was built on: give --old-base")}
		}
		n, err := ref.ParseName(name)
		if err != nil {
			return "", "", fmt.Errorf("annotation %s: %w", layers.AnnotationBaseName, err)
		}
		oldName = "docker://" + n.Base().String() + "@" + digest
	}
	return oldName, newName, nil
}

// base opens the image name.
func (a *app) base(ctx context.Context, name string, to *layers.Base) (*open.Source, error) {
	refs, err := a.refs(name)
	if err != nil {
		return nil, err
	}
	doors, err := a.open()
	if err != nil {
		return nil, err
	}
	src, err := doors.Source(ctx, refs[0])
	if err != nil {
		return nil, err
	}
	img, err := src.Image(ctx)
	if err != nil {
		return src, fmt.Errorf("base %s: %w", name, err)
	}
	*to = layers.Base{Source: src, Root: img.Root}
	if refs[0].Kind == ref.Registry {
		to.Name = refs[0].Name.Tagged()
	}
	return src, nil
}
