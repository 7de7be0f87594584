package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/ref"
)

func newLoad(a *app) *cobra.Command {
	var in, into string
	cmd := &cobra.Command{
		Use:   "load [-i] FILE",
		Short: "Bring the images of an archive into the store or an engine",
		Long: `Bring all images of an archive into the local store, or into Docker or Podman.
Any archive will do: of docker save, podman save, skopeo, crane, buildkit, kaniko, containerd,
compressed or not, from a file or a pipe.`,
		Example: `  dray load -i app.tar
  dray load -i app.tar --into docker-daemon:
  ssh host docker save app | dray load --platform all`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.Flags().Changed("input") {
				return &usageError{errors.New("name one archive, with -i or without")}
			}
			return a.withReceipt(func() error { return a.load(cmd.Context(), first(args, in), into) })
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&in, "input", "i", "-", "archive `file`, - for standard input")
	fs.StringVar(&into, "into", "store:", "store:, docker-daemon: or containers-storage:, with a name to load one image under it")
	a.outputFlags(fs, "print only digests", moved{})
	a.platformFlag(fs, "platforms to load: os/arch[/variant], all or local (default local)")
	a.storeFlags(fs)
	a.transferFlags(fs)
	a.receiptFlag(fs)
	a.withFlag(fs)
	a.referrersFlag(fs)
	return cmd
}

func (a *app) load(ctx context.Context, in, into string) error {
	to, err := ref.Parse(into)
	if err != nil {
		return err
	}
	switch to.Kind {
	case ref.Store, ref.DockerDaemon, ref.ContainersStorage:
	default:
		return &usageError{&hintedError{
			fmt.Errorf("--into %s: neither store:, docker-daemon: nor containers-storage: is named", ui.Quote(into)),
			"docker-daemon: is Docker, containers-storage: Podman, store: dray's own; dray copy and dray push bring images to other places",
		}}
	}
	if in == "-" && a.streams.InIsTerminal {
		return &usageError{errors.New("name an archive with -i, or pipe one in")}
	}
	c := carriage{lines: []namedLine{{list.Line{Name: in}, ref.Ref{Kind: ref.Path, Path: in}}}}
	if c.o, err = a.transferOptions(); err != nil {
		return err
	}
	c.o.HostByDefault = true
	if c.to, err = a.oneWay(ctx, to, nil); err != nil {
		return err
	}
	return a.bring(ctx, c, "loading "+in, false)
}
