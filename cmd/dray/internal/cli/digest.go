package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

func newDigest(a *app) *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:   "digest NAME",
		Short: "Print the digest that a name stands for now",
		Long: `Print the digest that a name stands for now. At a registry this is one HEAD request,
which does not count as a pull. With --platform, print the digest of that platform's image,
or of each on its own line.`,
		Example: `  dray digest alpine:3.20
  dray digest --full ghcr.io/org/app:1.4
  dray digest --platform linux/arm64 alpine:3.20
  dray digest app.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.digest(cmd.Context(), args[0], full) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&full, "full", false, "print NAME@DIGEST")
	a.outputFlags(fs, "print only digests", digested{})
	a.platformFlag(fs, "platforms to print the digests of: os/arch[/variant] or local (default that of the whole)")
	a.lookFlags(fs)
	return cmd
}

// digested is what digest prints.
type digested struct {
	Name      string          `json:"name"` // in full; empty if there is none
	Digest    v1.Hash         `json:"digest"`
	MediaType types.MediaType `json:"mediaType"`
	Size      int64           `json:"size"` // bytes of the manifest or index
	Platform  string          `json:"platform,omitempty"`
}

// fullName is what stands before @DIGEST to name img, or one of its platforms.
func fullName(r ref.Ref, img open.Image) string {
	switch r.Kind {
	case ref.OCIDir, ref.OCIArchive, ref.DockerArchive:
		r.Image = ""
		return r.String()
	}
	name, _, _ := strings.Cut(strings.Join(img.Names[:min(1, len(img.Names))], ""), "@")
	return name
}

func (a *app) digest(ctx context.Context, name string, full bool) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		o, err := a.inspectOptions()
		if err != nil {
			return err
		}
		found, err := inspect.Digests(ctx, src, img.Root, o)
		if err != nil {
			return err
		}
		var all []digested
		for _, d := range found {
			platform := ""
			if d.Platform != nil && len(found) > 1 {
				platform = arch.FromV1(d.Platform).String()
			}
			all = append(all, digested{fullName(src.Ref, img), d.Digest, d.MediaType, d.Size, platform})
		}
		text := func(w io.Writer) error { return writeDigests(w, all, full, a.o.quiet) }
		if len(all) == 1 {
			return a.streams.Print(f, all[0], text)
		}
		return ui.PrintList(a.streams, f, all, text)
	})
}

// writeDigests writes a line for each; of several, each with its platform.
func writeDigests(w io.Writer, all []digested, full, quiet bool) error {
	for _, d := range all {
		line := d.Digest.String()
		if full && d.Name != "" {
			line = d.Name + "@" + line
		}
		if d.Platform != "" && !quiet {
			line += "  " + d.Platform
		}
		if _, err := fmt.Fprintln(w, ui.Quote(line)); err != nil {
			return err
		}
	}
	return nil
}
