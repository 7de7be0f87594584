package cli

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

func newPull(a *app) *cobra.Command {
	var o copyFlags
	cmd := &cobra.Command{
		Use:   "pull NAME…",
		Short: "Bring images from their registries into the local store",
		Long: `Bring images from their registries into the local store. What the store has already
is not downloaded again, and what a cut left behind is continued.
Of several platforms this host's is taken; --platform all takes them all, and keeps the digest of the index.`,
		Example: `  dray pull alpine:3.20
  dray pull --platform all ghcr.io/org/app:1.4@sha256:…
  dray pull --platform linux/arm64,linux/amd64 -f images.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReceipt(func() error { return a.pull(cmd.Context(), args, o) })
		},
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only digests", moved{}, list.Image{})
	a.platformFlag(fs, "platforms to pull: os/arch[/variant], all or local (default local)")
	a.listFlags(fs)
	a.moveFlags(fs)
	a.receiptFlag(fs)
	a.referrersFlag(fs)
	fs.BoolVar(&o.sparse, "sparse", false, "keep the index as it is, with some of its platforms missing")
	fs.BoolVar(&o.checkTag, "check-tag", false, "fail if the tag of repo:tag@digest has moved")
	return cmd
}

func (a *app) pull(ctx context.Context, args []string, flags copyFlags) error {
	lines, err := a.lines(args)
	if err != nil {
		return err
	}
	c := carriage{strict: flags.checkTag}
	if c.lines, err = a.named(lines, ref.Registry); err != nil {
		return err
	}
	for i, l := range c.lines {
		if l.from.Kind != ref.Registry {
			return &usageError{fmt.Errorf("pulling %s: that is no image at a registry: use dray copy or dray load", l.from)}
		}
		c.lines[i].from.Explicit = true // the registry is meant, also with --offline, which then refuses
	}
	if c.o, err = a.transferOptions(); err != nil {
		return err
	}
	c.o.HostByDefault, c.o.Sparse, c.o.KeepGoing = true, flags.sparse, a.lists.isGiven() || len(lines) > 1
	held, err := a.held(ctx)
	if err != nil {
		return err
	}
	c.narrow = held.narrows
	if c.to, err = a.oneWay(ctx, ref.Ref{Kind: ref.Store}, nil); err != nil {
		return err
	}
	return a.bring(ctx, c, "pulling "+subject(lines), false)
}

// held are the indexes that the store has whole, by their names there.
type held map[string]v1.Hash

// narrows reports whether a pull that asks for no platform takes this host's
// alone. It does not if the store has the whole index under that name already:
// that would lose what was pulled before.
func (h held) narrows(l namedLine, root v1.Hash) bool {
	name := l.from.Name
	if n, err := ref.ParseName(l.As); err == nil {
		name = n
	}
	if name.Tag != "" {
		return h[name.Tagged()] != root
	}
	for _, digest := range h {
		if digest == root {
			return false
		}
	}
	return true
}

// held looks into the store.
func (a *app) held(ctx context.Context) (_ held, err error) {
	doors, err := a.open()
	if err != nil {
		return nil, err
	}
	s, err := doors.Store()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	h := held{}
	return h, s.List(ctx, func(e place.Entry) error {
		if e.Root.MediaType.IsIndex() {
			h[e.Name] = e.Root.Digest
		}
		return nil
	})
}
