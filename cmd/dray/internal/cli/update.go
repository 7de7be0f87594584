package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// updateFlags say what the other side has.
type updateFlags struct {
	have, base []string
	delta      bool
	repack     bool
	exact      bool            // dray plan makes the deltas
	from       []ref.Ref       // where the images come from
	planned    *bundle.Summary // what dray plan has heard
}

func (u *updateFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&u.have, "have", nil, "leave out what this inventory lists; `file` of dray inventory or --receipt, - for standard input")
	fs.StringArrayVar(&u.base, "base", nil, "leave out what is in this `place`: an earlier archive or update, a layout, a registry's repository")
	fs.BoolVar(&u.delta, "delta", true, "carry a layer as what is new of it, where the other side has one like it and that one can be read here too")
	fs.BoolVar(&u.repack, "repack", false, "carry other layers compressed better, to be restored bit by bit on the other side")
}

func (u *updateFlags) isSet() bool { return len(u.have)+len(u.base) > 0 || u.repack }

// check refuses what an update cannot be.
func (u *updateFlags) check(fs *pflag.FlagSet) error {
	if !u.isSet() {
		for _, name := range []string{"delta", "exact"} {
			if fs.Changed(name) {
				return &usageError{errors.New("--" + name + ": say what the other side has, with --have or --base")}
			}
		}
		return nil
	}
	as := fs.Lookup("as")
	switch {
	case as != nil && as.Changed && as.Value.String() != string(archive.OCI):
		return &usageError{errors.New("--as: an update is always in the form of oci: no engine loads what is not whole")}
	case fs.Changed("docker-platform"):
		return &usageError{errors.New("--docker-platform: Docker loads no update: give it to dray load or dray copy on the other side")}
	}
	return nil
}

// updating returns doors that leave out of archives what the flags say, if they do,
// and what ends their work.
func (a *app) updating(ctx context.Context) (*open.Doors, func() error, error) {
	u := a.update
	doors, err := a.open()
	if err != nil || !u.isSet() {
		return doors, func() error { return nil }, err
	}
	have, err := a.whatTheyHave(ctx)
	if err != nil {
		return nil, nil, err
	}
	describer, err := a.describer(doors)
	if err != nil {
		return nil, nil, err
	}
	o := bundle.Options{Have: have, Planned: a.noteUpdate, Exact: u.exact}
	if u.delta || u.repack {
		o.Recipe, o.Likely = describer.Recipe, describer.Likely
	}
	return doors.Updating(o), describer.Close, nil
}

func (a *app) whatTheyHave(ctx context.Context) (*bundle.Have, error) {
	var all []*bundle.Inventory
	for _, file := range a.update.have {
		inv, err := a.readInventory(file)
		if err != nil {
			return nil, err
		}
		all = append(all, inv)
	}
	for _, base := range a.update.base {
		var s bundle.Survey
		if err := a.surveyArg(ctx, &s, base); err != nil {
			return nil, fmt.Errorf("taking stock of %s: %w", ui.Quote(base), err)
		}
		all = append(all, s.Inventory())
	}
	return bundle.NewHave(all...), nil
}

// maxBaseRepositories is how many repositories are asked for what the other side has.
const maxBaseRepositories = 16

// describer describes layers by what --base names, the store, and the repositories
// that the images come from.
func (a *app) describer(doors *open.Doors) (*bundle.Describer, error) {
	events, err := a.events()
	if err != nil {
		return nil, err
	}
	var refs []ref.Ref
	for _, base := range a.update.base {
		if all, err := a.refs(base); err == nil { // a pattern names no place
			refs = append(refs, all...)
		}
	}
	seen := map[string]bool{}
	for _, r := range a.update.from {
		if repo := r.Name.Base().String(); r.Kind == ref.Registry && !seen[repo] && len(seen) < maxBaseRepositories {
			seen[repo] = true
			refs = append(refs, r)
		}
	}
	return bundle.NewDescriber(bundle.DescribeOptions{
		Places:  func(ctx context.Context) ([]place.Source, error) { return doors.Together(ctx, refs...) },
		Repack:  a.update.repack,
		Whole:   !a.update.delta,
		TempDir: a.o.tmpDir,
		Jobs:    int(a.o.jobs),
		Events:  events,
	}), nil
}

func (a *app) readInventory(file string) (*bundle.Inventory, error) {
	in := a.streams.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("reading inventory: %w", err)
		}
		defer f.Close()
		in = f
	}
	inv, err := bundle.ReadInventory(in)
	if err != nil {
		return nil, &hintedError{fmt.Errorf("%s: %w", ui.Quote(file), err), "--have takes what dray inventory or --receipt has written; an archive, layout or store goes with --base"}
	}
	return inv, nil
}

// noteUpdate says what an update carries, and what it needs; of a plan that is said
// with the rest of it.
func (a *app) noteUpdate(s bundle.Summary) {
	if a.planning {
		a.update.planned = &s
		return
	}
	text := fmt.Sprintf("the update carries %d of %d blobs, %s of %s", s.Carried, s.Blobs, ui.Size(s.CarriedBytes), ui.Size(s.Bytes))
	if s.Recipes > 0 {
		text += fmt.Sprintf(", %d of them recipes for layers of %s", s.Recipes, ui.Size(s.RecipesFor))
	}
	hint := ""
	if s.Needed > 0 {
		text += fmt.Sprintf("; it needs %s, %s, of the other side", plural(s.Needed, "blob"), ui.Size(s.NeededBytes))
		hint = "dray verify --fast on the other side says whether all of them are there"
	}
	_ = a.note(text, hint) // only fails where there was no progress to draw from the start
}

// withFlag is for commands that read updates.
func (a *app) withFlag(fs *pflag.FlagSet) {
	fs.StringArrayVar(&a.o.with, "with", nil, "`place` of what an update leaves out: an earlier archive or update, a layout, a registry's repository; the store is looked into anyway")
}

// lean lets updates take what their recipes build on from where their images go.
func lean(reqs []transfer.Request) {
	type pair struct {
		from *bundle.Source
		to   place.Sink
	}
	seen := map[pair]bool{}
	for _, r := range reqs {
		u, ok := place.As[*bundle.Source](r.Source)
		if !ok || seen[pair{u, r.To}] {
			continue
		}
		seen[pair{u, r.To}] = true
		if there, ok := place.As[place.Source](r.To); ok {
			u.Lean(there)
		}
	}
}

// checkWhole fails if images of an update need what is nowhere to be had.
func (a *app) checkWhole(ctx context.Context, src *open.Source) error {
	u, ok := place.As[*bundle.Source](place.Source(src))
	if !ok {
		return nil
	}
	c := u.Content()
	lacks, err := u.Missing(ctx)
	if err == nil && lacks != nil {
		err = &verifyError{fmt.Errorf("%s is an update, and not all of what it needs is there: %w", src.Ref, lacks)}
	}
	if err != nil {
		return err
	}
	return a.note(fmt.Sprintf("%s is an update of %s, and all that it needs is there: %s", src.Ref, plural(c.Images, "image"), plural(c.Needed, "blob")), "")
}
