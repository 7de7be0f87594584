package cli

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/ref"
)

func newImages(a *app) *cobra.Command {
	var noTrunc bool
	cmd := &cobra.Command{
		Use:   "images [NAME]",
		Short: "List the images in the local store",
		Long: `List the images in the local store: all, those of a repository, one name, or what a pattern
with * matches, as NAME says. Sizes are of what is there, as it is stored and transferred.`,
		Example: `  dray images
  dray images alpine
  dray images 'ghcr.io/org/*'
  dray images -q alpine
  dray images --format '{{.Repository}}:{{.Tag}} {{.Size}}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(func(s *store.Store) error {
				return a.images(cmd.Context(), s, strings.Join(args, ""), noTrunc)
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&noTrunc, "no-trunc", false, "show digests and platforms in full")
	a.outputFlags(fs, "print only digests, each once", listed{})
	a.storeFlags(fs)
	return cmd
}

// A listed is an image in the store as images prints it.
type listed struct {
	inspect.Held
	Repository string `json:"repository"` // as short as docker shows it
	Tag        string `json:"tag"`
}

func (a *app) images(ctx context.Context, s *store.Store, pattern string, noTrunc bool) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	keep, err := matching(strings.TrimPrefix(pattern, "store:"))
	if err != nil {
		return err
	}
	held, err := inspect.List(ctx, s, keep)
	if err != nil {
		return err
	}
	if err := a.warnDamaged(held); err != nil {
		return err
	}
	all := make([]listed, 0, len(held))
	for _, h := range held {
		l := listed{Held: h}
		if n, err := ref.ParseName(h.Name); err == nil {
			l.Repository, l.Tag = n.Base().Familiar(), n.Tag
		}
		all = append(all, l)
	}
	return a.pause(func() error {
		if a.o.quiet && f.IsText() {
			return a.streams.Lines(digestsOf(all)...)
		}
		return ui.PrintList(a.streams, f, all, func(w io.Writer) error { return writeImages(w, all, noTrunc, time.Now()) })
	})
}

func digestsOf(all []listed) []string {
	var digests []string
	for _, l := range all {
		if d := l.Digest.String(); !slices.Contains(digests, d) {
			digests = append(digests, d)
		}
	}
	return digests
}

func (a *app) warnDamaged(held []inspect.Held) error {
	damaged := slices.DeleteFunc(slices.Clone(held), func(h inspect.Held) bool { return h.Damage == "" })
	if len(damaged) == 0 {
		return nil
	}
	events, err := a.events()
	if err == nil {
		events.Emit(event.Event{
			Kind: event.Warn, Hint: "dray check says all that is wrong, and names the repair",
			Text: fmt.Sprintf("%d of %d images are damaged, the first is %s: %s", len(damaged), len(held), familiar(damaged[0].Name), damaged[0].Damage),
		})
	}
	return err
}

func writeImages(w io.Writer, all []listed, noTrunc bool, now time.Time) error {
	rows := make([][]string, 0, len(all))
	for _, l := range all {
		platforms, digest, size := short(l.Platforms), ui.ShortDigest(l.Digest), ui.Size(l.Size)
		if noTrunc {
			platforms, digest = strings.Join(l.Platforms, ", "), l.Digest.String()
		}
		if l.Damage != "" {
			size = "damaged"
		}
		rows = append(rows, []string{familiar(l.Name), platforms, digest, ui.Age(l.Created, now), size})
	}
	return ui.Table(w, []string{"NAME", "PLATFORM", "DIGEST", "CREATED", "SIZE"}, rows)
}

// short joins platforms, of which it shows no more than three.
func short(platforms []string) string {
	const most = 3
	if n := len(platforms); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(platforms[:most-1], ", "), n-most+1)
	}
	return strings.Join(platforms, ", ")
}

// familiar is a name as docker shows it.
func familiar(name string) string {
	if name == "" {
		return "<none>"
	}
	if n, err := ref.ParseName(name); err == nil {
		return n.Familiar()
	}
	return name
}

// matching returns what tells the entries that pattern means: all if it is
// empty, a repository, a name with its tag or digest, or with *, ? or [ a pattern
// in which * stands for anything but a slash.
func matching(pattern string) (func(place.Entry) bool, error) {
	switch {
	case pattern == "":
		return func(place.Entry) bool { return true }, nil
	case strings.ContainsAny(pattern, "*?["):
		return glob(pattern)
	}
	if base, err := ref.ParseRepository(pattern); err == nil {
		return func(e place.Entry) bool {
			n, err := ref.ParseName(e.Name)
			return err == nil && n.Base() == base
		}, nil
	}
	want, err := ref.ParseName(pattern)
	return func(e place.Entry) bool {
		n, err := ref.ParseName(e.Name)
		return err == nil && n.Base() == want.Base() && (want.Tag == "" || n.Tag == want.Tag) &&
			(want.Digest == "" || e.Root.Digest.String() == want.Digest.String())
	}, err
}

// glob matches names in full and as docker shows them, with and without their tags.
func glob(pattern string) (func(place.Entry) bool, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, &usageError{fmt.Errorf("%q: %w", pattern, err)}
	}
	return func(e place.Entry) bool {
		n, err := ref.ParseName(e.Name)
		if err != nil {
			return false
		}
		for _, form := range []string{n.String(), n.Familiar(), n.Base().String(), n.Base().Familiar()} {
			if ok, _ := path.Match(pattern, form); ok { // the pattern was tried above
				return true
			}
		}
		return false
	}, nil
}
