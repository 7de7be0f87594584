package cli

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

func newInventory(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "inventory SRC… [-o FILE]",
		Short: "Write down what is there, for the other side of a gap",
		Long: `Write a small file that says which images and which content are there. Carried to the other side,
it makes dray save --have leave out what is here already. No layer is read.

SRC is the store, a layout, an archive, or at a registry an image, a repository, or all repositories
that fit a pattern, in which * stands for anything: the registry must then tell what it has.`,
		Example: `  dray inventory 'registry.local:5000/app/*' -o have.json
  dray inventory registry.local:5000/app/web registry.local:5000/base:12 -o have.json
  dray inventory store: -o have.json
  dray save --have have.json ghcr.io/org/app:2 -o update.tar`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.inventory(cmd.Context(), args, out) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&out, "output", "o", "", "`file` to write (default standard output)")
	a.storeFlags(fs)
	a.networkFlags(fs)
	a.jobsFlag(fs, "images to look at once")
	a.progressFlag(fs)
	return cmd
}

func (a *app) inventory(ctx context.Context, args []string, out string) error {
	var all bundle.Survey
	for _, arg := range args {
		if err := a.surveyArg(ctx, &all, arg); err != nil {
			return fmt.Errorf("taking stock of %s: %w", ui.Quote(arg), err)
		}
	}
	inv := all.Inventory()
	if len(inv.Images) == 0 {
		return fmt.Errorf("taking stock: no image is there: %w", place.ErrNotFound)
	}
	if out == "" || out == "-" {
		raw, err := inv.Marshal()
		if err != nil {
			return err
		}
		return a.pause(func() error { return a.streams.Verbatim(raw) })
	}
	if err := a.writeInventory(inv, out); err != nil {
		return err
	}
	return a.note(fmt.Sprintf("%s, %s, %s", plural(len(inv.Images), "image"), plural(len(inv.Blobs), "blob"), ui.Size(inv.Bytes())), "")
}

// surveyArg adds what arg means: an image, or all there are.
func (a *app) surveyArg(ctx context.Context, to *bundle.Survey, arg string) error {
	if p, ok, err := parsePattern(arg); ok || err != nil {
		if err != nil {
			return err
		}
		return a.surveyPattern(ctx, to, p)
	}
	refs, err := a.refs(arg)
	if err != nil {
		return err
	}
	r := refs[0]
	if r.Kind == ref.Registry && isRepository(arg) && !(a.o.offline && !r.Explicit) {
		return a.surveyRepository(ctx, to, r.Name.Base())
	}
	return a.surveyPlace(ctx, to, r)
}

// surveyPlace adds the images of a place, or the one that r names.
func (a *app) surveyPlace(ctx context.Context, to *bundle.Survey, r ref.Ref) (err error) {
	src, err := a.itself(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	images, err := src.Images(ctx)
	if err != nil {
		return err
	}
	return a.surveyEach(ctx, len(images), func(ctx context.Context, i int) error {
		return to.Add(ctx, src, images[i].Root, images[i].Names...)
	})
}

// surveyRepository adds every tag of a repository. Tags that stand for nothing that
// can be read are left out, and said: who knows of less is only sent more.
func (a *app) surveyRepository(ctx context.Context, to *bundle.Survey, base ref.Name) (err error) {
	src, err := a.itself(ctx, ref.Ref{Kind: ref.Registry, Name: base, Explicit: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	tags, err := collect(func(visit func(string) error) error {
		return names{at: src.Ref, base: base, name: base.String()}.list(ctx, src, visit)
	})
	if err != nil {
		return err
	}
	return a.surveyEach(ctx, len(tags), func(ctx context.Context, i int) error {
		name := base.WithTag(tags[i]).String()
		var root v1.Descriptor
		root, err := src.Resolve(ctx, tags[i])
		if err == nil {
			err = to.Add(ctx, src, root, name)
		}
		if errors.Is(err, place.ErrNotFound) || errors.Is(err, place.ErrInvalid) || errors.Is(err, place.ErrUnsupported) {
			a.handle(event.Event{Kind: event.Warn, Name: name, Err: fmt.Errorf("leaving out %s: %w", name, err)})
			err = nil
		}
		return err
	})
}

// surveyEach looks at n images, several at once.
func (a *app) surveyEach(ctx context.Context, n int, one func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(int(a.o.jobs))
	for i := range n {
		g.Go(func() error { return one(ctx, i) })
	}
	return g.Wait()
}

// surveyPattern adds all repositories that fit p.
func (a *app) surveyPattern(ctx context.Context, to *bundle.Survey, p repoPattern) error {
	if a.o.offline {
		return open.ErrOffline
	}
	a.hosts = append(a.hosts, p.host)
	client, err := a.registry()
	if err != nil {
		return err
	}
	repositories, err := collect(func(visit func(string) error) error { return client.Catalog(ctx, p.host, visit) })
	if err != nil {
		return err
	}
	found := false
	for _, path := range repositories {
		if !p.fits(path) {
			continue
		}
		found = true
		base, err := ref.ParseRepository(p.host + "/" + path)
		if err == nil {
			err = a.surveyRepository(ctx, to, base)
		}
		if err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("no repository fits: %w", place.ErrNotFound)
	}
	return nil
}
