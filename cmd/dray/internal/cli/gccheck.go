package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

func newGCCheck(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gc-check REPOSITORY",
		Short: "List what tagged indexes need, so that clean-up spares it, and what is already lost",
		Long: `List the content that the indexes of a repository need which have a tag: their platforms and
attestations mostly have no tag themselves, and clean-up scripts that remove untagged manifests
break the index. What an index needs and the registry has no more is said to be lost. It only
reads. Layouts, archives and the store are looked at in the same way.

With -q only the digests that are there are printed: those that a script has to spare.
It exits with 5 if anything is lost.`,
		Example: `  dray gc-check ghcr.io/org/app
  dray gc-check -q ghcr.io/org/app >spare.txt
  dray gc-check --format json registry.local:5000/app`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.gcCheck(cmd.Context(), args[0]) },
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only the digests to spare", verify.Needs{})
	a.lookFlags(fs)
	return cmd
}

func (a *app) gcCheck(ctx context.Context, arg string) (err error) {
	f, err := a.format()
	if err != nil {
		return err
	}
	n, err := a.parseNames(arg)
	if err != nil {
		return err
	}
	a.o.progress = "none"
	src, err := a.itself(ctx, n.at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	tags, err := n.full(ctx, src)
	if err != nil {
		return err
	}
	needs, err := verify.Children(ctx, src, tags, verify.Options{Reference: n.name})
	if err != nil {
		return fmt.Errorf("looking at %s: %w", n.name, err)
	}
	if err := a.printNeeds(f, needs); err != nil {
		return err
	}
	if lost := needs.Lost + len(needs.LostTags); lost > 0 {
		return &verifyError{fmt.Errorf("checking %s: %d that tags need are lost", n.name, lost)}
	}
	return nil
}

// full returns the names as the place resolves them; nil means all.
func (n names) full(ctx context.Context, src place.Source) ([]string, error) {
	if n.at.Kind == ref.Registry || n.base == (ref.Name{}) {
		return nil, nil
	}
	l, ok := place.As[place.Lister](src)
	if !ok {
		return nil, fmt.Errorf("listing %s: %w", n.name, place.ErrUnsupported)
	}
	tags := []string{}
	err := l.List(ctx, func(e place.Entry) error {
		if in, err := ref.ParseName(e.Name); err == nil && in.Base() == n.base {
			tags = append(tags, e.Name)
		}
		return nil
	})
	if err == nil && len(tags) == 0 {
		err = fmt.Errorf("listing %s: %w", n.name, place.ErrNotFound)
	}
	return tags, err
}

func (a *app) printNeeds(f ui.Format, needs *verify.Needs) error {
	if a.o.quiet && f.IsText() {
		var spare []string
		for _, c := range needs.Children {
			if !c.Lost {
				spare = append(spare, c.Digest)
			}
		}
		return a.streams.Lines(spare...)
	}
	return a.streams.Print(f, needs, func(w io.Writer) error { return writeNeeds(w, needs) })
}

func writeNeeds(w io.Writer, needs *verify.Needs) error {
	rows := make([][]string, 0, len(needs.Children))
	for _, c := range needs.Children {
		state := "there"
		if c.Lost {
			state = "LOST"
		}
		what := c.Role
		if c.Platform != "" {
			what = c.Platform
		}
		rows = append(rows, []string{c.Digest, what, state, someNames(c.NeededBy)})
	}
	if err := ui.Table(w, []string{"DIGEST", "WHAT", "STATE", "NEEDED BY"}, rows); err != nil {
		return err
	}
	var lines []string
	for _, t := range needs.LostTags {
		lines = append(lines, "lost: the tag "+t+" stands for nothing that is there")
	}
	lines = append(lines, fmt.Sprintf("tags: %d, of them indexes: %d; they need %d, of them lost: %d", needs.Tags, needs.Indexes, len(needs.Children), needs.Lost))
	return writeLines(w, lines...)
}

// someNames are the first few.
func someNames(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}
