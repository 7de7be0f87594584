package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

func newCopy(a *app) *cobra.Command {
	var o copyFlags
	cmd := &cobra.Command{
		Use:     "copy SRC DST",
		Aliases: []string{"cp"},
		Short:   "Copy an image from any place to any place",
		Long: `Copy an image from any place to any place: registry, store, layout, archive, Docker, Podman.
All platforms are copied, byte for byte, so that digests stay. An archive or a layout
with several images is copied whole if DST can hold several.`,
		Example: `  dray copy alpine:3.20 registry.local:5000/alpine:3.20
  dray copy ghcr.io/org/app@sha256:… oci:layout:app
  dray copy --platform linux/arm64 alpine:3.20 alpine.tar
  dray copy docker-daemon:app:dev store:app:dev`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReceipt(func() error { return a.copy(cmd.Context(), args[0], args[1], o) })
		},
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only digests")
	a.platformFlag(fs, "platforms to copy: os/arch[/variant], all or local (default all)")
	a.moveFlags(fs)
	a.archiveFlags(fs)
	a.receiptFlag(fs)
	a.partsFlags(fs)
	fs.BoolVar(&o.sparse, "sparse", false, "with --platform: keep the index as it is, with some of its platforms missing")
	fs.BoolVar(&o.checkTag, "check-tag", false, "fail if the tag of repo:tag@digest has moved")
	return cmd
}

type copyFlags struct {
	sparse, checkTag bool
}

func (a *app) copy(ctx context.Context, from, to string, flags copyFlags) error {
	refs, err := a.refs(from, to)
	if err != nil {
		return err
	}
	if err := a.refuseTerminal(refs[1]); err != nil {
		return err
	}
	if err := a.cutInto(refs[1], ""); err != nil {
		return err
	}
	o, err := a.transferOptions()
	if err != nil {
		return err
	}
	o.Sparse = flags.sparse
	doors, err := a.open()
	if err != nil {
		return err
	}
	if err := a.checkTag(ctx, doors, refs[0], flags.checkTag); err != nil {
		return err
	}
	results, err := a.transfer(ctx, doors, refs[:1], refs[1], o, nil)
	if isFatal(err) {
		return fmt.Errorf("copying %s to %s: %w", refs[0], refs[1], err)
	}
	if refs[1].Path == "-" {
		return err
	}
	return errors.Join(err, a.printMoved(movedOf(refs[1], results)))
}

// isFatal reports whether err means that there are no results to print.
func isFatal(err error) bool {
	return err != nil && !as[*transfer.IncompleteError](err)
}

// transfer copies all that froms name to one place. Names are changed by rename,
// if there is one.
func (a *app) transfer(ctx context.Context, doors *open.Doors, froms []ref.Ref, to ref.Ref, o transfer.Options, rename func(string) (string, error)) (results []transfer.Result, err error) {
	a.moving = true
	dst, err := doors.Sink(ctx, to)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	if err := a.receipt.check(to, dst); err != nil {
		return nil, err
	}
	var reqs []transfer.Request
	for _, from := range froms {
		src, err := doors.Source(ctx, from)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, src.Close()) }()
		images, err := imagesFor(ctx, src, dst)
		if err != nil {
			return nil, err
		}
		for _, img := range images {
			names, err := renamed(dst.Names(img.Names), rename)
			if err == nil {
				err = fullNames(to, names)
			}
			if err != nil {
				return nil, err
			}
			req := transfer.Request{Source: src, Name: displayName(from), Root: img.Root, Names: names, Digest: dst.Digest()}
			if img.Root.Digest.Hex == "" {
				req.Name = img.Names[0]
			}
			reqs = append(reqs, req)
		}
	}
	results, err = transfer.Copy(ctx, dst, reqs, o)
	if isFatal(err) {
		return nil, err
	}
	return results, errors.Join(err, a.receipt.arrived(ctx, to, dst, reqs, results))
}

// displayName is what messages call r.
func displayName(r ref.Ref) string {
	if r.Kind == ref.Registry {
		return r.Name.Familiar()
	}
	return r.String()
}

// fullNames fails if a place that holds images by full names would get one that
// is a mere tag, as layouts have them.
func fullNames(to ref.Ref, names []string) error {
	if to.Kind != ref.Store && to.Kind != ref.DockerDaemon && to.Kind != ref.ContainersStorage {
		return nil
	}
	for _, n := range names {
		if !strings.ContainsRune(n, '/') {
			return &usageError{&hintedError{
				fmt.Errorf("%q is a tag without a repository", n),
				fmt.Sprintf("say what to call it: %s:NAME", to.Kind),
			}}
		}
	}
	return nil
}

// imagesFor returns what to copy: all images that src names, if dst can take
// several, which is if its own ref does not name one.
func imagesFor(ctx context.Context, src *open.Source, dst *open.Sink) ([]open.Image, error) {
	r := dst.Ref
	if r.Kind == ref.Registry || r.Image != "" || r.Name != (ref.Name{}) {
		img, err := src.Image(ctx)
		return []open.Image{img}, err
	}
	return src.Images(ctx)
}

func renamed(names []string, rename func(string) (string, error)) ([]string, error) {
	if rename == nil {
		return names, nil
	}
	out := make([]string, 0, len(names))
	for _, n := range names {
		r, err := rename(n)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// refuseTerminal keeps an archive from being written to a terminal.
func (a *app) refuseTerminal(to ref.Ref) error {
	if to.Path == "-" && a.streams.OutIsTerminal {
		return &usageError{errors.New("writing an archive to a terminal: redirect it, or name a file")}
	}
	return nil
}

func printMoved(a *app, f ui.Format, all []moved) error {
	if f.IsText() {
		lines := make([]string, 0, len(all))
		for _, m := range all {
			if a.o.quiet {
				lines = append(lines, m.Digest)
			} else {
				lines = append(lines, m.String())
			}
		}
		return a.streams.Lines(lines...)
	}
	return ui.PrintList(a.streams, f, all, func(io.Writer) error { return nil })
}
