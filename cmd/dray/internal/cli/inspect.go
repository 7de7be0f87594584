package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/open"
)

func newInspect(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect NAME…",
		Short: "Show what an image is: digest, platforms, layers, settings",
		Long: `Show what an image is, wherever it is: digest, platforms, sizes and, of a single image or the
one that --platform chooses, its layers and how it is run. No layer is read.

With --format json one NAME gives an object, several give an array. Everything is in it, sizes in
bytes: reference, names, digest, mediaType, size, totalSize, annotations, and platforms, a list
(of one, for a single image) of platform, digest, size, totalSize, created, config, layers and more.`,
		Example: `  dray inspect alpine:3.20
  dray inspect --platform linux/arm64 alpine:3.20
  dray inspect --format json app.tar
  dray inspect --format '{{range .Images}}{{.Platform}} {{.Digest}}\n{{end}}' alpine:3.20`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), args) },
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only digests", inspected{})
	a.platformFlag(fs, "platforms to show: os/arch[/variant], all or local (default all)")
	a.lookFlags(fs)
	return cmd
}

// writeDigestsOf is what -q leaves.
func writeDigestsOf(w io.Writer, all []inspected) error {
	for _, r := range all {
		if _, err := fmt.Fprintln(w, r.Digest); err != nil {
			return err
		}
	}
	return nil
}

// inspected is what inspect prints.
type inspected struct {
	Reference string   `json:"reference"` // what was asked for, in full
	Names     []string `json:"names"`     // that it has there
	*inspect.Report
}

func (a *app) inspect(ctx context.Context, args []string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	if _, err := a.refs(args...); err != nil {
		return err
	}
	var all []inspected
	err = a.eachName(ctx, args, func(name string) error {
		return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
			o, err := a.inspectOptions()
			if err != nil {
				return err
			}
			r, err := inspect.Look(ctx, src, img.Root, o)
			if err != nil {
				return err
			}
			all = append(all, inspected{src.Ref.String(), append([]string{}, img.Names...), r})
			return nil
		})
	})
	text := func(w io.Writer) error { return writeReports(w, all, time.Now()) }
	if a.o.quiet {
		text = func(w io.Writer) error { return writeDigestsOf(w, all) }
	}
	switch {
	case len(all) == 0:
		return err
	case len(args) == 1:
		return a.streams.Print(f, all[0], text)
	}
	if perr := ui.PrintList(a.streams, f, all, text); perr != nil {
		return perr
	}
	return err
}
