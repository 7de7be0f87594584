package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/folder"
	"github.com/dray-oci/dray/pkg/open"
)

func newCommit(a *app) *cobra.Command {
	var o commitFlags
	cmd := &cobra.Command{
		Use:   "commit DIR --base NAME -t DST",
		Short: "Make an image of a folder that was exported from one and changed",
		Long: `Make a layer of what a folder has against the image that it was unpacked from (dray export --dir, umoci
unpack, docker export), and an image of both: files that are new, gone, or have other content, mode,
owner, links or attributes. Times alone are no change.

Without the privileges of root, whose files these will be cannot be seen in the folder: the owners in
the base stay, and what is new is root's. --owners keep takes them from the folder all the same.`,
		Example: `  dray export app.tar --dir rootfs && vi rootfs/etc/app.conf
  dray commit rootfs --base app.tar -m "other config" -t app-new.tar
  dray commit rootfs --base alpine:3.20 --change 'CMD ["/app"]' -t registry.local/app:1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.commit(cmd.Context(), args[0], o) },
	}
	fs := cmd.Flags()
	fs.StringVar(&o.base, "base", "", "`name` of the image that the folder was unpacked from")
	fs.StringVarP(&o.message, "message", "m", "", "`comment` for the history")
	fs.StringVar(&o.author, "author", "", "`name` for the history")
	fs.StringArrayVar(&o.change, "change", nil, "`instruction` of a Dockerfile, as docker commit takes them")
	fs.StringVar(&o.time, "time", "", "`time` of the image that no file in the layer is newer than: RFC 3339, seconds since 1970, or now (default $SOURCE_DATE_EPOCH, else the image's stays)")
	fs.StringVar(&o.owners, "owners", "auto", "whose files are: keep (as in the folder), base (as in the base, else root's), or auto")
	compressFlag(fs, &o.compress)
	a.platformFlag(fs, "platform of the base: os/arch[/variant] or local (default local)")
	a.resultFlags(fs, &o.editFlags)
	return cmd
}

type commitFlags struct {
	editFlags
	base, message, author  string
	time, owners, compress string
	change                 []string
}

func (a *app) commit(ctx context.Context, dir string, flags commitFlags) error {
	if flags.base == "" {
		return &usageError{errors.New("say which image the folder was unpacked from: --base NAME")}
	}
	o := layers.CommitOptions{Author: flags.author, Message: flags.message}
	for _, line := range flags.change {
		if err := o.ParseChange(line); err != nil {
			return &usageError{fmt.Errorf("--change: %w", err)}
		}
	}
	switch flags.owners {
	case "auto":
		o.IgnoreOwners = !folder.KeepsOwners()
	case "base":
		o.IgnoreOwners = true
	case "keep":
	default:
		return &usageError{fmt.Errorf("--owners %q: write auto, base or keep", flags.owners)}
	}
	var err error
	if o.Compress, err = layers.ParseCompression(flags.compress); err != nil {
		return &usageError{fmt.Errorf("--compress: %w", err)}
	}
	if o.Time, o.SetCreated, err = a.timeOf(flags.time); err != nil {
		return err
	}
	return a.edit(ctx, flags.base, flags.editFlags, func(b *layers.Bench, img open.Image, _ *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		o.Options = eo.Options
		return b.Commit(ctx, img.Root, dir, o)
	})
}
