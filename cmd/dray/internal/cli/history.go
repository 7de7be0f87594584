package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/open"
)

func newHistory(a *app) *cobra.Command {
	var noTrunc bool
	cmd := &cobra.Command{
		Use:   "history NAME",
		Short: "Show how an image was built, the newest step first",
		Long: `Show how an image was built, the newest step first, with the size of the layer that each
step made, as it is stored and transferred. Of several platforms this host's is taken, and the
others are noted.`,
		Example: `  dray history alpine:3.20
  dray history --no-trunc --platform linux/arm64 ghcr.io/org/app:1.4
  dray history --format json app.tar
  dray history --format '{{.CreatedBy}}' store:app:dev`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.history(cmd.Context(), args[0], noTrunc) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&noTrunc, "no-trunc", false, "show commands and comments in full")
	a.formatFlag(fs, inspect.Step{})
	a.platformFlag(fs, "platform to show: os/arch[/variant] or local (default local)")
	a.lookFlags(fs)
	return cmd
}

func (a *app) history(ctx context.Context, name string, noTrunc bool) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		o, err := a.inspectOptions()
		if err != nil {
			return err
		}
		steps, err := inspect.History(ctx, src, img.Root, o)
		if err != nil {
			return err
		}
		return ui.PrintList(a.streams, f, steps, func(w io.Writer) error {
			return writeHistory(w, steps, noTrunc, time.Now())
		})
	})
}

func writeHistory(w io.Writer, steps []inspect.Step, noTrunc bool, now time.Time) error {
	short := func(s string) string {
		if noTrunc {
			return s
		}
		return cut(strings.Join(strings.Fields(s), " "), 45) // docker's width
	}
	rows := make([][]string, 0, len(steps))
	for _, s := range steps {
		rows = append(rows, []string{ui.Age(s.Created, now), short(s.CreatedBy), ui.Size(s.Size), short(s.Comment)})
	}
	return ui.Table(w, []string{"CREATED", "CREATED BY", "SIZE", "COMMENT"}, rows)
}

// cut returns s in at most n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
