package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/ref"
)

func newPush(a *app) *cobra.Command {
	var o pushFlags
	cmd := &cobra.Command{
		Use:   "push SRC [DST] | push -f LIST",
		Short: "Bring images from the store, an archive or a layout to a registry",
		Long: `Bring an image from the store, an archive or a layout to a registry; all platforms, digests kept.
A bare SRC is a name in the store, and without DST also where it goes. With --to, every image of
an archive or a layout goes to that registry under its own name: docker.io/library/alpine:3.20
becomes REGISTRY/library/alpine:3.20. Of a list, each image goes where its own name, or as=, or --to says;
one that fails holds up no other.`,
		Example: `  dray push registry.local:5000/app:1.4
  dray push app.tar registry.local:5000/app:1.4
  dray push all.tar --to registry.local:5000/mirror
  dray push all.tar --to registry.local:5000 --map docker.io/library=base
  dray push -f images.txt --to registry.local:5000 --report pushed.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if a.lists.isGiven() {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.RangeArgs(1, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReceipt(func() error { return a.push(cmd.Context(), args, o) })
		},
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only digests", moved{}, list.Image{})
	a.platformFlag(fs, "platforms to push: os/arch[/variant], all or local (default all)")
	a.moveFlags(fs)
	a.receiptFlag(fs)
	a.listFlags(fs)
	a.withFlag(fs)
	a.referrersFlag(fs)
	fs.StringVar(&o.to, "to", "", "push every image of SRC to `REGISTRY[/PREFIX]`")
	fs.StringArrayVar(&o.maps, "map", nil, "with --to: change names that begin with FROM to begin with TO, as `FROM=TO`")
	return cmd
}

type pushFlags struct {
	to   string
	maps []string
}

func (a *app) push(ctx context.Context, args []string, flags pushFlags) error {
	a.o.updates = true
	if flags.to != "" && len(args) > 1 {
		return &usageError{errors.New("give DST or --to, not both")}
	}
	if flags.to == "" && len(flags.maps) > 0 {
		return &usageError{errors.New("--map goes with --to")}
	}
	lines, err := a.lines(args[:min(1, len(args))])
	if err != nil {
		return err
	}
	c := carriage{}
	if c.lines, err = a.named(lines, ref.Store); err != nil {
		return err
	}
	if c.to, err = a.pushTo(ctx, c.lines, args, flags); err != nil {
		return err
	}
	if c.o, err = a.transferOptions(); err != nil {
		return err
	}
	_, many := c.to.(*manyWays)
	c.o.KeepGoing = many
	return a.bring(ctx, c, "pushing "+subject(lines), false)
}

// pushTo is the way to where the images of lines go.
func (a *app) pushTo(ctx context.Context, lines []namedLine, args []string, flags pushFlags) (way, error) {
	a.hosts = nil // whatever is pushed is not read from there
	switch {
	case flags.to != "":
		target, err := newTarget(flags.to, flags.maps)
		if err != nil {
			return nil, err
		}
		a.talksTo(target.host)
		doors, err := a.open()
		return newManyWays(doors, target), err
	case a.lists.isGiven():
		for _, l := range lines {
			n, err := ref.ParseName(cmp.Or(l.As, l.from.Name.String()))
			if err == nil {
				a.talksTo(n.Host)
			}
		}
		doors, err := a.open()
		return newManyWays(doors, nil), err
	}
	to, err := pushName(lines[0].from, args)
	if err != nil {
		return nil, err
	}
	a.talksTo(to.Name.Host)
	return a.oneWay(ctx, to, nil)
}

// pushName is the name at a registry that args say from is to get.
func pushName(from ref.Ref, args []string) (ref.Ref, error) {
	to := from
	to.Kind = ref.Registry
	if len(args) > 1 {
		host := strings.TrimSuffix(args[1], "/")
		if err := refuseHost(fmt.Sprintf("pushing %s", from), host, fmt.Sprintf("push to %[1]s/NAME, or with --to %[1]s under the name it has", host)); err != nil {
			return to, err
		}
		var err error
		if to, err = ref.Parse(args[1]); err != nil {
			return to, err
		}
	}
	if len(args) == 1 && to.Name == (ref.Name{}) {
		return to, &usageError{&hintedError{fmt.Errorf("pushing %s: it does not say where to", from), "--to REGISTRY[/PREFIX] pushes every image in it, a second name one of them"}}
	}
	if to.Kind != ref.Registry || to.Name == (ref.Name{}) {
		return to, &usageError{&hintedError{fmt.Errorf("pushing %s: %s is no name at a registry", from, to), "dray copy writes to any place"}}
	}
	return to, nil
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

// refuseHost refuses the name of a registry where that of an image there is meant.
// hint says what to write.
func refuseHost(doing, name, hint string) error {
	if !looksLikeHost(name) {
		return nil
	}
	return &usageError{&hintedError{fmt.Errorf("%s: %s is a registry, not a name there", doing, name), hint}}
}
