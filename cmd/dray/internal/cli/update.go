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
)

// updateFlags say what the other side has.
type updateFlags struct {
	have, base []string
}

func (u *updateFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&u.have, "have", nil, "leave out what this inventory lists; `file` of dray inventory or --receipt, - for standard input")
	fs.StringArrayVar(&u.base, "base", nil, "leave out what is in this `place`: an earlier archive or update, a layout, a registry's repository")
}

func (u *updateFlags) isSet() bool { return len(u.have)+len(u.base) > 0 }

// check refuses what an update cannot be.
func (u *updateFlags) check(fs *pflag.FlagSet) error {
	if !u.isSet() {
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

// updating returns doors that leave out of archives what the flags say, if they do.
func (a *app) updating(ctx context.Context) (*open.Doors, error) {
	u := a.update
	doors, err := a.open()
	if err != nil || !u.isSet() {
		return doors, err
	}
	var all []*bundle.Inventory
	for _, file := range u.have {
		inv, err := a.readInventory(file)
		if err != nil {
			return nil, err
		}
		all = append(all, inv)
	}
	for _, base := range u.base {
		var s bundle.Survey
		if err := a.surveyArg(ctx, &s, base); err != nil {
			return nil, fmt.Errorf("taking stock of %s: %w", ui.Quote(base), err)
		}
		all = append(all, s.Inventory())
	}
	return doors.Updating(bundle.Options{Have: bundle.NewHave(all...), Planned: a.noteUpdate}), nil
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
		return nil, fmt.Errorf("%s: %w", ui.Quote(file), err)
	}
	return inv, nil
}

// noteUpdate says what an update carries, and what it needs.
func (a *app) noteUpdate(s bundle.Summary) {
	text := fmt.Sprintf("the update carries %d of %d blobs, %s of %s", s.Carried, s.Blobs, ui.Size(s.CarriedBytes), ui.Size(s.Bytes))
	hint := ""
	if s.Needed > 0 {
		text += fmt.Sprintf("; it needs %d blobs, %s, of the other side", s.Needed, ui.Size(s.NeededBytes))
		hint = "dray verify --fast on the other side says whether all of them are there"
	}
	_ = a.note(text, hint) // only fails where there was no progress to draw from the start
}

// withFlag is for commands that read updates.
func (a *app) withFlag(fs *pflag.FlagSet) {
	fs.StringArrayVar(&a.o.with, "with", nil, "`place` of what an update leaves out: an earlier archive or update, a layout, a registry's repository; the store is looked into anyway")
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
	return a.note(fmt.Sprintf("%s is an update of %d images, and all of the %d blobs that it needs are there", src.Ref, c.Images, c.Needed), "")
}
