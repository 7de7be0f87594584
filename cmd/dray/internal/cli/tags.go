package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

func newTags(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tags REPOSITORY",
		Aliases: []string{"ls"},
		Short:   "List the tags of a repository, or the names in another place",
		Long: `List the tags of a repository, all pages of them, in the registry's order. Of an archive, a
layout or the store, list the names in it.`,
		Example: `  dray tags alpine
  dray tags --format json ghcr.io/org/app
  dray tags all.tar
  dray tags store:ghcr.io/org/app`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.tags(cmd.Context(), args[0]) },
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only names", tagged{})
	a.lookFlags(fs)
	return cmd
}

// tagged is what tags prints as JSON.
type tagged struct {
	Name string   `json:"name"` // of the repository or place
	Tags []string `json:"tags"`
}

func (a *app) tags(ctx context.Context, arg string) (err error) {
	f, err := a.format()
	if err != nil {
		return err
	}
	n, err := a.parseNames(arg)
	if err != nil {
		return err
	}
	src, err := a.source(ctx, n.at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	each := func(visit func(string) error) error { return n.list(ctx, src, visit) }
	if f.IsText() {
		return a.stream(each)
	}
	tags, err := collect(each)
	if err != nil {
		return err
	}
	return a.streams.Print(f, tagged{n.name, tags}, nil)
}

// names are those at a place.
type names struct {
	at   ref.Ref
	base ref.Name // only the tags of this repository
	name string   // of all of it
}

// parseNames parses a repository, or a place as a whole. With --offline a
// repository is one in the store.
func (a *app) parseNames(arg string) (names, error) {
	if err := refuseHost("listing tags", arg, fmt.Sprintf("dray catalog %[1]s lists its repositories, dray tags %[1]s/NAME the tags of one", arg)); err != nil {
		return names{}, err
	}
	r, err := ref.Parse(arg)
	if err != nil {
		return names{}, err
	}
	switch r.Kind {
	case ref.Registry, ref.Store, ref.DockerDaemon, ref.ContainersStorage:
	default:
		if r.Image != "" || r.Name != (ref.Name{}) {
			return names{}, &usageError{fmt.Errorf("listing %s: that is one image: leave its name out", r)}
		}
		return names{at: r, name: r.String()}, nil
	}
	n := names{at: r, name: r.String()}
	if r.Name != (ref.Name{}) {
		if n.base, err = ref.ParseRepository(strings.TrimPrefix(strings.TrimPrefix(arg, "docker://"), string(r.Kind)+":")); err != nil {
			return names{}, err
		}
		n.name = n.base.String()
	}
	if r.Kind == ref.Registry && !(a.o.offline && !r.Explicit) {
		a.hosts = []string{r.Name.Host}
		return n, nil
	}
	if r.Kind == ref.Registry {
		n.at.Kind = ref.Store
	}
	n.at.Name = ref.Name{}
	return n, nil
}

// list visits the names.
func (n names) list(ctx context.Context, src *open.Source, visit func(string) error) error {
	l, ok := place.As[place.Lister](place.Source(src))
	if !ok {
		return fmt.Errorf("listing %s: %w", n.name, place.ErrUnsupported)
	}
	isRegistry := n.at.Kind == ref.Registry
	found := false
	err := l.List(ctx, func(e place.Entry) error {
		name := e.Name
		if n.base != (ref.Name{}) && !isRegistry {
			in, err := ref.ParseName(e.Name)
			if err != nil || in.Base() != n.base || in.Tag == "" {
				return nil
			}
			name = in.Tag
		}
		found = true
		return visit(name)
	})
	if err == nil && !found && n.base != (ref.Name{}) && !isRegistry {
		return fmt.Errorf("listing %s: %w", n.name, place.ErrNotFound)
	}
	return err
}

// stream prints names as they come, however many there are.
func (a *app) stream(each func(visit func(string) error) error) error {
	w := bufio.NewWriter(a.streams.Out)
	err := each(func(name string) error {
		_, err := io.WriteString(w, ui.Quote(name)+"\n")
		return err
	})
	return errors.Join(err, w.Flush())
}
