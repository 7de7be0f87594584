package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
)

func newFlatten(a *app) *cobra.Command {
	var o flattenFlags
	cmd := &cobra.Command{
		Use:     "flatten SRC -t DST",
		Aliases: []string{"squash"},
		Short:   "Merge the layers of an image into one, all or those from one on",
		Long: `Merge the layers of an image into one, on every platform of an index or those chosen: all layers, or
with --from those from that one on. Files that higher layers hide are gone then. Settings and history
stay; what merged layers were made by is kept as steps without a layer.`,
		Example: `  dray flatten app.tar -t flat.tar
  dray flatten --from 3 ghcr.io/org/app:1.4 -t registry.local/app:1.4-small
  dray flatten --platform linux/arm64 --compress zstd oci:in:1 -t oci:out:1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.flatten(cmd.Context(), args[0], o) },
	}
	fs := cmd.Flags()
	fs.IntVar(&o.from, "from", 0, "`number` of the lowest layer to merge, from 0: those below stay")
	fs.StringVarP(&o.message, "message", "m", "", "`comment` for the history")
	compressFlag(fs, &o.compress)
	a.editFlags(fs, &o.editFlags, "flatten")
	return cmd
}

type flattenFlags struct {
	editFlags
	from              int
	message, compress string
}

func (a *app) flatten(ctx context.Context, from string, flags flattenFlags) error {
	k, err := layers.ParseCompression(flags.compress)
	if err != nil {
		return &usageError{fmt.Errorf("--compress: %w", err)}
	}
	if flags.from < 0 {
		return &usageError{fmt.Errorf("--from %d: layers are counted from 0", flags.from)}
	}
	return a.edit(ctx, from, flags.editFlags, func(b *layers.Bench, img open.Image, _ *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		return b.Flatten(ctx, img.Root, layers.FlattenOptions{EditOptions: eo, From: flags.from, Compress: k, Message: flags.message})
	})
}
