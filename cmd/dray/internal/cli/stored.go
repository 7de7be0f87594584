package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/ref"
)

// withStore runs f with the store open.
func (a *app) withStore(f func(*store.Store) error) error {
	s, err := a.store()
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// inStore takes what a user typed for a name in the store, with or without store:.
func inStore(name string) (string, error) {
	r, err := ref.Parse(name)
	if err != nil || r.Kind == ref.Registry && !r.Explicit {
		return name, nil // a bare name, or the beginning of a digest
	}
	if r.Kind != ref.Store || r.Name == (ref.Name{}) {
		return "", &usageError{fmt.Errorf("%s is no name in the store", r)}
	}
	return r.Name.String(), nil
}

func newTag(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tag NAME NEW",
		Short: "Give an image in the store another name",
		Example: `  dray tag alpine:3.20 registry.local:5000/base/alpine:3.20
  dray tag 3fbc63216742 app:dev`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStored,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(func(s *store.Store) error { return a.tag(cmd.Context(), s, args[0], args[1]) })
		},
	}
	a.storeFlags(cmd.Flags())
	return cmd
}

func (a *app) tag(ctx context.Context, s *store.Store, from, to string) error {
	a.typed(from, ref.Store)
	from, err := inStore(from)
	if err != nil {
		return err
	}
	to, err = inStore(to)
	if err != nil {
		return err
	}
	n, err := ref.ParseName(to)
	if err != nil {
		return err
	}
	if n.Digest != "" {
		return &usageError{fmt.Errorf("tagging %s: a new name has a tag, not a digest", n.Familiar())}
	}
	root, err := s.Resolve(ctx, from)
	if err != nil {
		return err
	}
	return s.Commit(ctx, root, n.String())
}

func newRemove(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "rm NAME…",
		Aliases: []string{"rmi"},
		Short:   "Remove names from the store; prune frees the space",
		Long: `Remove names from the store. A digest, or the beginning of one, stands for the one name that its
image has; with --force for all of them. The content stays until dray prune.`,
		Example: `  dray rm alpine:3.20
  dray images -q | xargs dray rm --force`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeStored,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(func(s *store.Store) error {
				return a.eachName(cmd.Context(), args, func(name string) error { return a.remove(cmd.Context(), s, name, force) })
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVarP(&force, "force", "f", false, "remove all names of the image that a digest means")
	fs.BoolVarP(&a.o.quiet, "quiet", "q", false, "print only names")
	shared(fs, "quiet")
	a.storeFlags(fs)
	return cmd
}

// remove takes a name, or a digest that stands for the names of its image.
func (a *app) remove(ctx context.Context, s *store.Store, name string, force bool) error {
	a.typed(name, ref.Store)
	name, err := inStore(name)
	if err != nil {
		return err
	}
	e, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	names := []string{e.Name}
	if n, err := ref.ParseName(name); err != nil || n.Tagged() != e.Name {
		if names, err = namesOf(ctx, s, e.Root.Digest); err != nil {
			return err
		}
	}
	if len(names) > 1 && !force {
		return &usageError{&manyNamesError{name, names}}
	}
	for _, n := range names {
		if err := s.Remove(ctx, n); err != nil {
			return err
		}
	}
	return a.pause(func() error {
		if a.o.quiet {
			return a.streams.Lines(names...)
		}
		for _, n := range names {
			if err := a.streams.Lines("removed " + n); err != nil {
				return err
			}
		}
		return nil
	})
}

// namesOf returns all names of the image h.
func namesOf(ctx context.Context, s *store.Store, h v1.Hash) ([]string, error) {
	var names []string
	err := s.List(ctx, func(e place.Entry) error {
		if e.Root.Digest == h {
			names = append(names, e.Name)
		}
		return nil
	})
	return names, err
}

// A manyNamesError says that a digest stands under several names.
type manyNamesError struct {
	digest string
	names  []string
}

func (e *manyNamesError) Error() string {
	return fmt.Sprintf("removing %s: it has %d names: %s", e.digest, len(e.names), strings.Join(e.names, ", "))
}

// Hint says how to remove them all.
func (e *manyNamesError) Hint() string {
	return "name the one to remove, or give --force for all of them"
}

func newPrune(a *app) *cobra.Command {
	var o store.PruneOptions
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove from the store what no name reaches, and unfinished downloads",
		Long: `Remove from the store what no name reaches, and unfinished downloads. It waits for
pulls and saves that are running, so that nothing is taken away under them. An image that
stands under its digest alone stays, but with --untagged: one that was pulled or pushed
so, and one whose tag was pushed anew to dray serve.`,
		Example: `  dray prune
  dray prune --untagged
  dray prune --dry-run --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(func(s *store.Store) error { return a.prune(cmd.Context(), s, o) })
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.DryRun, "dry-run", false, "only say what would be removed")
	fs.BoolVar(&o.Untagged, "untagged", false, "remove images too that stand under their digest alone")
	a.formatFlag(fs, store.Pruned{})
	a.storeFlags(fs)
	return cmd
}

func (a *app) prune(ctx context.Context, s *store.Store, o store.PruneOptions) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	p, err := s.Prune(ctx, o)
	if err != nil {
		return err
	}
	verb := "removed"
	if o.DryRun {
		verb = "would remove"
	}
	names := ""
	if p.Names > 0 {
		names = plural(p.Names, "name") + ", "
	}
	return a.pause(func() error {
		return a.streams.Print(f, p, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s %s%s and %s, of which %s of unfinished downloads\n",
				verb, names, plural(p.Blobs, "blob"), ui.Size(p.Bytes+p.Partials), ui.Size(p.Partials))
			return err
		})
	})
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
