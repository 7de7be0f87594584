package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// editFlags are those of every command that makes a new image from an old one.
type editFlags struct {
	to     string
	keep   bool
	verify bool
}

// resultFlags are for commands that write an image to any place.
func (a *app) resultFlags(fs *pflag.FlagSet, o *editFlags) {
	fs.StringVarP(&o.to, "to", "t", "", "where the result goes: any `name`")
	fs.BoolVar(&o.verify, "verify", false, "judge the result as dray verify does, and write it only if it is what it says")
	a.outputFlags(fs, "print only digests", edited{}, layers.Change{})
	a.moveFlags(fs)
	a.archiveFlags(fs)
	a.referrersFlag(fs)
}

func (a *app) editFlags(fs *pflag.FlagSet, o *editFlags, verb string) {
	a.resultFlags(fs, o)
	fs.BoolVar(&o.keep, "keep", false, "keep attestations and annotations of an index that speak of what was there before")
	a.platformFlag(fs, "platforms to "+verb+": os/arch[/variant], all or local (default all)")
}

// compressFlag is for commands that make layers.
func compressFlag(fs *pflag.FlagSet, to *string) {
	fs.StringVar(to, "compress", "gzip", "how layers that are made are packed: gzip, zstd or none")
}

// edited is what such a command prints.
type edited struct {
	moved
	Changes []layers.Change `json:"changes"`
}

// A maker makes an image on a bench.
type maker func(b *layers.Bench, root open.Image, src *open.Source, o layers.EditOptions) (*layers.Result, error)

// edit makes an image of what from names, and brings it to where -t says.
func (a *app) edit(ctx context.Context, from string, flags editFlags, make maker) error {
	if flags.to == "" {
		return &usageError{errors.New("say where the result goes: -t NAME")}
	}
	refs, err := a.refs(from, flags.to)
	if err != nil {
		return err
	}
	if err := a.refuseTerminal(refs[1]); err != nil {
		return err
	}
	return a.onBench(ctx, refs[0], flags, make, a.deliverer(ctx, flags, refs[1]))
}

// deliverer brings to the place to what was made, if it is to be judged and is found good.
func (a *app) deliverer(ctx context.Context, flags editFlags, to ref.Ref) func(*layers.Bench, open.Image, *layers.Result) error {
	return func(b *layers.Bench, img open.Image, res *layers.Result) error {
		if flags.verify {
			if err := guard(ctx, b, res); err != nil {
				return err
			}
		}
		return a.deliver(ctx, b, img.Names, res, to)
	}
}

// guard fails if what was made is not what it says.
func guard(ctx context.Context, b *layers.Bench, res *layers.Result) error {
	report, err := verify.Run(ctx, b, res.Root, verify.Options{})
	if err != nil || report.OK {
		return err
	}
	text := "it is not what it says"
	for _, p := range report.Platforms {
		if !p.Verdict.Passes() && len(p.Findings) > 0 {
			text = fmt.Sprintf("%s is %s: %s", p.Platform, p.Verdict, p.Findings[0].Text)
			break
		}
	}
	return &verifyError{fmt.Errorf("verifying the result: %s", text)}
}

// onBench opens from, has an image made of it, and hands it on.
func (a *app) onBench(ctx context.Context, from ref.Ref, flags editFlags, make maker, then func(*layers.Bench, open.Image, *layers.Result) error) (err error) {
	doors, err := a.open()
	if err != nil {
		return err
	}
	src, err := doors.Source(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	img, err := src.Image(ctx)
	if choice := (*place.ChoiceError)(nil); errors.As(err, &choice) && from.Kind == ref.Path {
		return &pathChoiceError{err, from.Path}
	}
	if err != nil {
		return err
	}
	return a.bench(from, img, src, flags, make, then)
}

// bench has an image made of img of src.
func (a *app) bench(from ref.Ref, img open.Image, src *open.Source, flags editFlags, make maker, then func(*layers.Bench, open.Image, *layers.Result) error) (err error) {
	o, err := a.layersOptions(from)
	if err != nil {
		return err
	}
	b := layers.NewBench(src, a.o.tmpDir)
	defer func() { err = errors.Join(err, b.Close()) }()
	res, err := make(b, img, src, layers.EditOptions{Options: o, Keep: flags.keep})
	if err != nil {
		return oneImage(err)
	}
	return then(b, img, res)
}

// deliver copies what was made, and says which digests are others now.
func (a *app) deliver(ctx context.Context, b *layers.Bench, names []string, res *layers.Result, to ref.Ref) (err error) {
	doors, err := a.open()
	if err != nil {
		return err
	}
	o, err := a.transferOptions()
	if err != nil {
		return err
	}
	o.Platforms.All, o.Platforms.Local, o.Platforms.Platforms = false, false, nil // they were chosen before
	dst, err := doors.Sink(ctx, to)
	if err != nil {
		return err
	}
	if err := b.Mount(ctx, dst); err != nil {
		return errors.Join(err, dst.Close())
	}
	results, err := transfer.Copy(ctx, dst, []transfer.Request{{Source: b, Name: to.String(), Root: res.Root, Names: dst.Names(names)}}, o)
	if err = errors.Join(err, dst.Close()); isFatal(err) {
		return fmt.Errorf("writing %s: %w", to, err)
	}
	results[0].Origin = res.Origin
	return errors.Join(err, a.printEdited(to, results, res))
}

func (a *app) printEdited(to ref.Ref, results []transfer.Result, res *layers.Result) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	all := movedOf(to, results)
	if f.IsText() {
		if err := a.printChanges(a.streams.Err, res); err != nil {
			return err
		}
		if to.Path == "-" {
			return nil
		}
		return a.printMoved(all)
	}
	if to.Path == "-" {
		return nil
	}
	items := make([]edited, 0, len(all))
	for _, m := range all {
		items = append(items, edited{m, append([]layers.Change{}, res.Changes...)})
	}
	return a.pause(func() error { return ui.PrintList(a.streams, f, items, nil) })
}

// printChanges writes a table of digests that are others now, and why.
func (a *app) printChanges(w io.Writer, res *layers.Result) error {
	if a.o.quiet {
		return nil
	}
	if len(res.Changes) == 0 {
		return a.note("nothing is changed: the digest is the same", "")
	}
	rows := make([][]string, 0, len(res.Changes))
	for _, c := range res.Changes {
		old := "-"
		if c.Old.Hex != "" {
			old = c.Old.String()
		}
		rows = append(rows, []string{c.What, old, c.New.String(), ui.Size(c.OldSize) + " → " + ui.Size(c.NewSize), c.Why})
	}
	return a.pause(func() error { return ui.Table(w, []string{"WHAT", "OLD", "NEW", "SIZE", "WHY"}, rows) })
}

// epoch is SOURCE_DATE_EPOCH (reproducible-builds.org); ok is false if it is not set.
func (a *app) epoch() (at time.Time, ok bool, err error) {
	s := a.env.Getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Unix(0, 0), false, nil
	}
	seconds, err := strconv.ParseInt(s, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, false, &usageError{fmt.Errorf("SOURCE_DATE_EPOCH is %q, not a number of seconds", s)}
	}
	return time.Unix(seconds, 0), true, nil
}

// parseTime reads a time as flags have it: now, seconds since 1970, or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if s == "now" {
		return time.Now().Truncate(time.Second), nil
	}
	if seconds, err := strconv.ParseInt(strings.TrimPrefix(s, "@"), 10, 64); err == nil && seconds >= 0 {
		return time.Unix(seconds, 0), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, &usageError{fmt.Errorf("%q is no time: write 2026-01-31T12:00:00Z, seconds since 1970, or now", s)}
	}
	return at, nil
}

// timeOf is the time that a flag says, else SOURCE_DATE_EPOCH, else 1970; set is false
// for the last of these.
func (a *app) timeOf(flag string) (at time.Time, set bool, err error) {
	if flag != "" {
		at, err = parseTime(flag)
		return at, true, err
	}
	return a.epoch()
}
