package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
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
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(func(s *store.Store) error { return a.tag(cmd.Context(), s, args[0], args[1]) })
		},
	}
	a.storeFlags(cmd.Flags())
	return cmd
}

func (a *app) tag(ctx context.Context, s *store.Store, from, to string) error {
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
	cmd := &cobra.Command{
		Use:     "rm NAME…",
		Aliases: []string{"rmi"},
		Short:   "Remove names from the store; prune frees the space",
		Example: `  dray rm alpine:3.20
  dray images -q | xargs dray rm`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(func(s *store.Store) error {
				return a.eachName(cmd.Context(), args, func(name string) error { return a.remove(cmd.Context(), s, name) })
			})
		},
	}
	a.storeFlags(cmd.Flags())
	return cmd
}

// remove takes a name, or a digest whose names all go.
func (a *app) remove(ctx context.Context, s *store.Store, name string) error {
	name, err := inStore(name)
	if err != nil {
		return err
	}
	e, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	byName := e.Name
	if n, err := ref.ParseName(name); err != nil || n.Tagged() != e.Name {
		byName = "@" + e.Root.Digest.String()
	}
	if err := s.Remove(ctx, byName); err != nil {
		return err
	}
	return a.pause(func() error { return a.streams.Lines("removed " + strings.TrimPrefix(byName, "@")) })
}

func newPrune(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove from the store what no name reaches, and unfinished downloads",
		Long: `Remove from the store what no name reaches, and unfinished downloads. It waits for
pulls and saves that are running, so that nothing is taken away under them.`,
		Example: `  dray prune
  dray prune --dry-run --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(func(s *store.Store) error { return a.prune(cmd.Context(), s, dryRun) })
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&dryRun, "dry-run", false, "only say what would be removed")
	a.outputFlags(fs, "")
	a.storeFlags(fs)
	return cmd
}

func (a *app) prune(ctx context.Context, s *store.Store, dryRun bool) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	p, err := s.Prune(ctx, dryRun)
	if err != nil {
		return err
	}
	verb := "removed"
	if dryRun {
		verb = "would remove"
	}
	return a.pause(func() error {
		return a.streams.Print(f, p, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s %d blobs and %s, of which %s of unfinished downloads\n",
				verb, p.Blobs, ui.Size(p.Bytes+p.Partials), ui.Size(p.Partials))
			return err
		})
	})
}
