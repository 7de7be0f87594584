package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
)

func newConvert(a *app) *cobra.Command {
	var o convertFlags
	cmd := &cobra.Command{
		Use:   "convert SRC -t DST",
		Short: "Change media types (Docker, OCI) and how layers are packed (gzip, zstd)",
		Long: `Change the media types of an image, Docker's or OCI's, and how its layers are packed: gzip, zstd or not
at all. What is in it stays, and is held against the digests that its config has. A table says which
digests are others now.`,
		Example: `  dray convert --types oci registry.local/app:1 -t registry.local/app:1-oci
  dray convert --compress zstd ghcr.io/org/app:1.4 -t registry.local/app:1.4
  dray convert --types docker --compress gzip oci:in:1 -t docker-daemon:app:1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.convert(cmd.Context(), args[0], o) },
	}
	fs := cmd.Flags()
	fs.StringVar(&o.form, "types", "", "whose media types: oci or docker (default as they are)")
	fs.StringVar(&o.compress, "compress", "", "how layers are packed: gzip, zstd or none (default as they are)")
	a.editFlags(fs, &o.editFlags, "convert")
	return cmd
}

type convertFlags struct {
	editFlags
	form, compress string
}

func (a *app) convert(ctx context.Context, from string, flags convertFlags) error {
	var o layers.ConvertOptions
	var err error
	if o.To, err = layers.ParseForm(flags.form); err != nil {
		return &usageError{fmt.Errorf("--types: %w", err)}
	}
	if flags.compress != "" {
		k, err := layers.ParseCompression(flags.compress)
		if err != nil {
			return &usageError{fmt.Errorf("--compress: %w", err)}
		}
		o.Compress = &k
	}
	if o.To == "" && o.Compress == nil {
		return &usageError{errors.New("say what to change: --types or --compress")}
	}
	return a.edit(ctx, from, flags.editFlags, func(b *layers.Bench, img open.Image, _ *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		o.EditOptions = eo
		return b.Convert(ctx, img.Root, o)
	})
}
