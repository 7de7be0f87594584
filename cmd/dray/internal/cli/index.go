package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

func newIndex(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index",
		Short: "Put several images under one tag, and edit that",
	}
	cmd.AddCommand(newIndexCreate(a), newIndexAdd(a), newIndexRemove(a), newIndexFilter(a))
	return cmd
}

type indexFlags struct {
	editFlags
	annotations, unsetAnnotations []string
	digests                       []string
	noAttestations                bool
}

func (a *app) indexFlags(fs *pflag.FlagSet, o *indexFlags, platforms string) {
	fs.StringArrayVar(&o.annotations, "annotation", nil, "annotation of the index to set: `NAME=VALUE`")
	fs.StringArrayVar(&o.unsetAnnotations, "unset-annotation", nil, "`name` of an annotation of the index to remove")
	fs.BoolVar(&o.noAttestations, "no-attestations", false, "leave attestations out")
	a.platformFlag(fs, platforms)
	a.resultFlags(fs, &o.editFlags)
}

func (o *indexFlags) options(lo layers.Options) layers.IndexOptions {
	return layers.IndexOptions{Options: lo, Annotations: o.annotations, UnsetAnnotations: o.unsetAnnotations, NoAttestations: o.noAttestations}
}

func (o *indexFlags) check() error {
	for _, kv := range o.annotations {
		if strings.Index(kv, "=") <= 0 {
			return &usageError{fmt.Errorf("--annotation %q: write NAME=VALUE", kv)}
		}
	}
	return nil
}

func newIndexCreate(a *app) *cobra.Command {
	var o indexFlags
	cmd := &cobra.Command{
		Use:   "create SRC… -t DST",
		Short: "Put several images under one name",
		Long: `Put several images under one name. A SRC that is an index gives all its images, or those that
--platform names; attestations go with their images. Platforms are those that the configs name; an
index that says otherwise is refused, as are two images for one platform.`,
		Example: `  dray index create registry.local/app:1-amd64 registry.local/app:1-arm64 -t registry.local/app:1
  dray index create amd64.tar arm64.tar --annotation org.opencontainers.image.title=app -t oci:app:1`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.joinIndex(cmd.Context(), "", args, o) },
	}
	a.indexFlags(cmd.Flags(), &o, "platforms to take of each SRC: os/arch[/variant], all or local (default all)")
	return cmd
}

func newIndexAdd(a *app) *cobra.Command {
	var o indexFlags
	cmd := &cobra.Command{
		Use:   "add NAME SRC… -t DST",
		Short: "Add images to an index",
		Long: `Add images to an index, or make one of a single image and others. The images that NAME has stay, and
so do its annotations.`,
		Example: `  dray index add registry.local/app:1 registry.local/app:1-riscv64 -t registry.local/app:1
  dray index add --platform linux/arm64 oci:app:1 other.tar -t oci:app:2`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.joinIndex(cmd.Context(), args[0], args[1:], o)
		},
	}
	a.indexFlags(cmd.Flags(), &o, "platforms to take of each SRC: os/arch[/variant], all or local (default all)")
	return cmd
}

func newIndexRemove(a *app) *cobra.Command {
	var o indexFlags
	cmd := &cobra.Command{
		Use:   "remove NAME -t DST",
		Short: "Remove images from an index, by platform or digest",
		Example: `  dray index remove --platform linux/386 registry.local/app:1 -t registry.local/app:1
  dray index remove --digest sha256:… oci:app:1 -t oci:app:2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.removeFromIndex(cmd.Context(), args[0], o) },
	}
	cmd.Flags().StringSliceVar(&o.digests, "digest", nil, "`digest` of an image to remove")
	a.indexFlags(cmd.Flags(), &o, "platforms to remove: os/arch[/variant] or local")
	return cmd
}

func newIndexFilter(a *app) *cobra.Command {
	var o indexFlags
	cmd := &cobra.Command{
		Use:   "filter NAME -t DST",
		Short: "Keep only some platforms of an index, which stays one",
		Long: `Keep only some platforms of an index. Unlike copy --platform, what comes out is an index even if one
platform is left, and its annotations stay.`,
		Example: `  dray index filter --platform linux/amd64,linux/arm64 alpine:3.20 -t registry.local/alpine:3.20
  dray index filter --no-attestations registry.local/app:1 -t oci:app:1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.filterIndex(cmd.Context(), args[0], o) },
	}
	a.indexFlags(cmd.Flags(), &o, "platforms to keep: os/arch[/variant], all or local (default all)")
	return cmd
}

// joinIndex makes an index of others, on top of base if there is one.
func (a *app) joinIndex(ctx context.Context, base string, others []string, flags indexFlags) (err error) {
	if err := flags.check(); err != nil {
		return err
	}
	first := others[0]
	if base != "" {
		first = base
	}
	if _, err := a.refs(others...); err != nil {
		return err
	}
	var opened []*open.Source
	defer func() {
		for _, s := range opened {
			err = errors.Join(err, s.Close())
		}
	}()
	return a.edit(ctx, first, flags.editFlags, func(b *layers.Bench, img open.Image, src *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		self := layers.Part{Source: src, Root: img.Root, Name: first}
		var parts []layers.Part
		var on *layers.Part
		if base != "" {
			on = &self
		} else {
			parts, others = append(parts, self), others[1:]
		}
		for _, name := range others {
			p, s, err := a.part(ctx, name)
			if s != nil {
				opened = append(opened, s)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			parts = append(parts, p)
		}
		return b.JoinIndex(ctx, on, parts, flags.options(eo.Options))
	})
}

// part opens one image of an index.
func (a *app) part(ctx context.Context, name string) (layers.Part, *open.Source, error) {
	r, err := ref.Parse(name)
	if err != nil {
		return layers.Part{}, nil, err
	}
	doors, err := a.open()
	if err != nil {
		return layers.Part{}, nil, err
	}
	src, err := doors.Source(ctx, r)
	if err != nil {
		return layers.Part{}, nil, err
	}
	img, err := src.Image(ctx)
	return layers.Part{Source: src, Root: img.Root, Name: name}, src, err
}

func (a *app) removeFromIndex(ctx context.Context, name string, flags indexFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	sel, err := a.selection()
	if err != nil {
		return err
	}
	if sel.IsZero() && len(flags.digests) == 0 || sel.All {
		return &usageError{errors.New("say what to remove: --platform or --digest")}
	}
	return a.edit(ctx, name, flags.editFlags, func(b *layers.Bench, img open.Image, src *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		entries, err := layers.Entries(ctx, src, img.Root)
		if err != nil {
			return nil, err
		}
		gone := map[string]bool{}
		for _, d := range flags.digests {
			if !slices.ContainsFunc(entries, func(e image.Entry) bool { return e.Descriptor.Digest.String() == d }) {
				return nil, fmt.Errorf("%s is not in %s: %w", d, name, place.ErrNotFound)
			}
			gone[d] = true
		}
		if !sel.IsZero() {
			have := make([]arch.Platform, len(entries))
			for i, e := range entries {
				have[i] = e.Platform
			}
			chosen, err := sel.Apply(have, eo.Host)
			if err != nil {
				return nil, err
			}
			for _, i := range chosen {
				gone[entries[i].Descriptor.Digest.String()] = true
			}
		}
		eo.Platforms = arch.Selection{}
		return b.CutIndex(ctx, layers.Part{Source: src, Root: img.Root, Name: name}, flags.options(eo.Options), func(e image.Entry) bool { return !gone[e.Descriptor.Digest.String()] })
	})
}

func (a *app) filterIndex(ctx context.Context, name string, flags indexFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	return a.edit(ctx, name, flags.editFlags, func(b *layers.Bench, img open.Image, src *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		return b.CutIndex(ctx, layers.Part{Source: src, Root: img.Root, Name: name}, flags.options(eo.Options), nil)
	})
}
