package cli

import (
	"bufio"
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
)

func newTree(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tree NAME",
		Short: "Show an index with its platforms, their layers, and what refers to them",
		Long: `Show everything that hangs together: an index with its platforms, their configs and layers, their
attestations, and what refers to each of them (signatures, SBOMs) where the place can tell.`,
		Example: `  dray tree alpine:3.20
  dray tree oci:layout:app
  dray tree --format json ghcr.io/org/app:1.4`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.tree(cmd.Context(), args[0]) },
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "leave notes out", layers.Branch{})
	a.lookFlags(fs)
	return cmd
}

func (a *app) tree(ctx context.Context, name string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		b, err := layers.Tree(ctx, src, img.Root)
		if err != nil {
			return err
		}
		return a.streams.Print(f, b, func(w io.Writer) error {
			out := bufio.NewWriter(w)
			writeBranch(out, b, "", "")
			return out.Flush()
		})
	})
}

// writeBranch writes b after first, and what hangs on it after rest. Errors stay
// until w is flushed.
func writeBranch(w *bufio.Writer, b *layers.Branch, first, rest string) {
	w.WriteString(first + ui.Quote(branchText(b)) + "\n")
	kids := append(b.Children[:len(b.Children):len(b.Children)], b.Referrers...)
	for i, kid := range kids {
		if i == len(kids)-1 {
			writeBranch(w, kid, rest+"└─ ", rest+"   ")
		} else {
			writeBranch(w, kid, rest+"├─ ", rest+"│  ")
		}
	}
}

func branchText(b *layers.Branch) string {
	text := b.Kind
	if b.Platform != "" && b.Kind != "attestation" {
		text += " " + b.Platform
	}
	if b.ArtifactType != "" {
		text += " " + b.ArtifactType
	}
	text += " " + b.Descriptor.Digest.String()
	if b.Missing {
		return text + " (not here)"
	}
	return text + " " + ui.Size(b.Descriptor.Size)
}
