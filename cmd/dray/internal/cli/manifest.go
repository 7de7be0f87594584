package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/open"
)

func newManifest(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifest NAME",
		Short: "Print the manifest or index of an image, byte for byte",
		Long: `Print the manifest or index of an image, byte for byte: what is printed has the digest of
the image. With --platform, print the manifest of that platform instead of the index.`,
		Example: `  dray manifest alpine:3.20 | sha256sum
  dray manifest --format json alpine:3.20
  dray manifest --platform linux/arm64 alpine:3.20
  dray manifest --format '{{range .manifests}}{{.digest}} {{end}}' alpine:3.20`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.manifest(cmd.Context(), args[0]) },
	}
	fs := cmd.Flags()
	a.documentFlags(cmd)
	a.platformFlag(fs, "platform to print the manifest of: os/arch[/variant] or local (default the whole)")
	a.lookFlags(fs)
	return cmd
}

// documentFlags are for commands that print a document as it is.
func (a *app) documentFlags(cmd *cobra.Command) {
	a.formatFlag(cmd.Flags())
	cmd.Flags().Lookup("format").Usage = "text (byte for byte), json (indented), or a Go template over the keys of the document"
}

func (a *app) manifest(ctx context.Context, name string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		o, err := a.inspectOptions()
		if err != nil {
			return err
		}
		doc, err := inspect.Manifest(ctx, src, img.Root, o)
		if err != nil {
			return err
		}
		return a.printDocument(f, doc.Raw)
	})
}
