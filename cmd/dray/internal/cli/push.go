package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

func newPush(a *app) *cobra.Command {
	var o pushFlags
	cmd := &cobra.Command{
		Use:   "push SRC [DST]",
		Short: "Bring images from the store, an archive or a layout to a registry",
		Long: `Bring an image from the store, an archive or a layout to a registry; all platforms, digests kept.
A bare SRC is a name in the store, and without DST also where it goes. With --to, every image of
an archive or a layout goes to that registry under its own name: docker.io/library/alpine:3.20
becomes REGISTRY/library/alpine:3.20.`,
		Example: `  dray push registry.local:5000/app:1.4
  dray push app.tar registry.local:5000/app:1.4
  dray push all.tar --to registry.local:5000/mirror
  dray push all.tar --to registry.local:5000 --map docker.io/library=base`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReceipt(func() error { return a.push(cmd.Context(), args, o) })
		},
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only digests")
	a.platformFlag(fs, "platforms to push: os/arch[/variant], all or local (default all)")
	a.moveFlags(fs)
	a.receiptFlag(fs)
	fs.StringVar(&o.to, "to", "", "push every image of SRC to `REGISTRY[/PREFIX]`")
	fs.StringArrayVar(&o.maps, "map", nil, "with --to: change names that begin with FROM to begin with TO, as `FROM=TO`")
	return cmd
}

type pushFlags struct {
	to   string
	maps []string
}

func (a *app) push(ctx context.Context, args []string, flags pushFlags) error {
	from, err := ref.Parse(args[0])
	if err != nil {
		return err
	}
	if from.Kind == ref.Registry && !from.Explicit {
		from.Kind = ref.Store
	}
	if flags.to != "" {
		if len(args) > 1 {
			return &usageError{errors.New("give DST or --to, not both")}
		}
		return a.pushAll(ctx, from, flags)
	}
	if len(flags.maps) > 0 {
		return &usageError{errors.New("--map goes with --to")}
	}
	to := from
	to.Kind = ref.Registry
	if len(args) > 1 {
		if to, err = ref.Parse(args[1]); err != nil {
			return err
		}
		if looksLikeHost(args[1]) {
			return &usageError{&hintedError{fmt.Errorf("pushing %s: %s is a registry, not a name there", from, args[1]), "push to " + args[1] + "/NAME, or with --to " + args[1] + " under the name it has"}}
		}
	}
	if to.Kind != ref.Registry || to.Name == (ref.Name{}) {
		return &usageError{&hintedError{fmt.Errorf("pushing %s: %s is no name at a registry", from, to), "dray copy writes to any place"}}
	}
	a.hosts = []string{to.Name.Host}
	doors, err := a.open()
	if err != nil {
		return err
	}
	all, err := a.pushOne(ctx, doors, from, to)
	if isFatal(err) {
		return err
	}
	return errors.Join(err, a.printMoved(all))
}

func (a *app) pushOne(ctx context.Context, doors *open.Doors, from, to ref.Ref) ([]moved, error) {
	o, err := a.transferOptions()
	if err != nil {
		return nil, err
	}
	results, err := a.transfer(ctx, doors, []ref.Ref{from}, to, o, nil)
	if isFatal(err) {
		return nil, fmt.Errorf("pushing to %s: %w", to.Name.Familiar(), err)
	}
	return movedOf(to, results), err
}

// looksLikeHost reports whether s is HOST:PORT, which by docker's rules would be
// an image of the Hub with a number for a tag.
func looksLikeHost(s string) bool {
	host, port, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsRune(s, '/') || !strings.Contains(host, ".") && host != "localhost" {
		return false
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}
