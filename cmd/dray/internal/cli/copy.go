package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/ref"
)

func newCopy(a *app) *cobra.Command {
	var o copyFlags
	cmd := &cobra.Command{
		Use:     "copy SRC DST | copy -f LIST DST",
		Aliases: []string{"cp"},
		Short:   "Copy an image from any place to any place",
		Long: `Copy an image from any place to any place: registry, store, layout, archive, Docker, Podman,
here or, as ssh://HOST/PLACE, on another host.
All platforms are copied, byte for byte, so that digests stay. An archive or a layout
with several images is copied whole if DST can hold several.
With a list, DST is REGISTRY[/PREFIX], where every image keeps its name below the prefix, as with dray push --to,
or a layout, an archive, the store or an engine. An image that fails holds up no other.`,
		Example: `  dray copy alpine:3.20 registry.local:5000/alpine:3.20
  dray copy ghcr.io/org/app@sha256:… oci:layout:app
  dray copy --platform linux/arm64 alpine:3.20 alpine.tar
  dray copy docker-daemon:app:dev store:app:dev
  dray copy app.tar ssh://edge1/docker-daemon:
  dray copy -f images.txt registry.local:5000/mirror --report done.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if a.lists.isGiven() {
				return cobra.ExactArgs(1)(cmd, args)
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReceipt(func() error {
				return a.copy(cmd.Context(), args[:len(args)-1], args[len(args)-1], o)
			})
		},
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only digests", moved{}, list.Image{})
	a.platformFlag(fs, "platforms to copy: os/arch[/variant], all or local (default all)")
	a.moveFlags(fs)
	a.archiveFlags(fs)
	a.receiptFlag(fs)
	a.partsFlags(fs)
	a.listFlags(fs)
	fs.StringArrayVar(&o.maps, "map", nil, "with a list: change names that begin with FROM to begin with TO, as `FROM=TO`")
	a.withFlag(fs)
	a.referrersFlag(fs)
	fs.BoolVar(&o.sparse, "sparse", false, "with --platform: keep the index as it is, with some of its platforms missing")
	fs.BoolVar(&o.checkTag, "check-tag", false, "fail if the tag of repo:tag@digest has moved")
	return cmd
}

type copyFlags struct {
	sparse, checkTag bool
	maps             []string
}

func (a *app) copy(ctx context.Context, srcs []string, dst string, flags copyFlags) error {
	a.o.updates = true
	if len(flags.maps) > 0 && !a.lists.isGiven() {
		return &usageError{errors.New("--map goes with a list of images: -f")}
	}
	lines, err := a.lines(srcs)
	if err != nil {
		return err
	}
	c := carriage{strict: flags.checkTag}
	if c.lines, err = a.named(lines, ref.Registry); err != nil {
		return err
	}
	if c.o, err = a.transferOptions(); err != nil {
		return err
	}
	c.o.Sparse, c.o.KeepGoing = flags.sparse, a.lists.isGiven()
	if c.to, err = a.copyTo(ctx, dst, flags.maps); err != nil {
		return err
	}
	c.o.Host = hostAt(c.to, c.o.Host)
	return a.bring(ctx, c, fmt.Sprintf("copying %s to %s", subject(lines), dst), dst == "-")
}

// copyTo is the way to what dst means.
func (a *app) copyTo(ctx context.Context, dst string, maps []string) (way, error) {
	r, err := ref.Parse(dst)
	if a.lists.isGiven() && (err != nil || r.Kind == ref.Registry) {
		target, err := newTarget(dst, maps)
		if err == nil {
			err = a.cutInto(ref.Ref{Kind: ref.Registry, Name: ref.Name{Host: target.host}}, "")
		}
		if err != nil {
			return nil, err
		}
		a.talksTo(target.host)
		doors, err := a.open()
		return newManyWays(doors, target), err
	}
	host := strings.TrimSuffix(dst, "/")
	if herr := refuseHost("copying", host, fmt.Sprintf("copy to %[1]s/NAME; dray push SRC --to %[1]s keeps the names of what lies here", host)); herr != nil {
		return nil, herr
	}
	if err == nil {
		err = a.cutInto(r, "")
	}
	if err != nil {
		return nil, err
	}
	if r.Kind == ref.Registry {
		a.talksTo(r.Name.Host)
	}
	if a.lists.isGiven() && (r.Image != "" || r.Name != (ref.Name{})) {
		return nil, &usageError{fmt.Errorf("copying a list to %s: that is one image, not a place for many", r)}
	}
	return a.oneWay(ctx, r, maps)
}

// oneWay is the way to the place that to names.
func (a *app) oneWay(ctx context.Context, to ref.Ref, maps []string) (way, error) {
	if err := a.refuseTerminal(to); err != nil {
		return nil, err
	}
	names, err := parseRenames(maps)
	if err != nil {
		return nil, err
	}
	doors, done, err := a.updating(ctx)
	if err != nil {
		return nil, err
	}
	dst, err := doors.Sink(ctx, to)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	err = a.receipt.check(to, dst)
	if err == nil && !a.planning {
		err = a.recall(ctx, to)
	}
	if err != nil {
		return nil, errors.Join(err, dst.Close(), done())
	}
	return &oneWay{dst, names, done}, nil
}

// recall has what to holds already not be read again.
func (a *app) recall(ctx context.Context, to ref.Ref) error {
	doors, err := a.open()
	if err == nil {
		doors.Recall(ctx, to)
	}
	return err
}
