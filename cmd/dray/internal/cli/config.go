package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/open"
)

func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config NAME",
		Short: "Print the config of an image, byte for byte",
		Long: `Print the config of an image, byte for byte: what is printed has the image's ID as its digest.
Of several platforms this host's is taken, and the others are noted.`,
		Example: `  dray config alpine:3.20
  dray config --platform linux/arm64 --format json alpine:3.20
  dray config --format '{{json .config.Env}}' store:app:dev`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.configOf(cmd.Context(), args[0]) },
	}
	fs := cmd.Flags()
	a.documentFlags(cmd)
	a.platformFlag(fs, "platform to print the config of: os/arch[/variant] or local (default local)")
	a.lookFlags(fs)
	return cmd
}

func (a *app) configOf(ctx context.Context, name string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		o, err := a.inspectOptions()
		if err != nil {
			return err
		}
		s, err := inspect.Config(ctx, src, img.Root, o)
		if err != nil {
			return err
		}
		return a.printDocument(f, s.Raw)
	})
}
