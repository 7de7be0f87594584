package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/transfer"
)

func newPlan(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan COMMAND …",
		Short: "Say what a transfer would move, skip and need on disk",
		Long: `Say what a command that moves images would do: for each image and in all, how many bytes would be moved,
are there already, can be mounted from another repository, or are shared with an image before;
how large the archive will be, in how many parts, and whether the disk has room for it.

COMMAND has the same arguments and flags as without plan. Manifests and configs are read, and places are asked
what they have; no layer is read, nothing is moved, and no file is written, also not those that flags name.
How small deltas will be is known when they are made: dray plan save --exact makes them, in temporary files.`,
	}
	for _, sub := range commands(a, newPull, newSave, newLoad, newPush, newCopy) {
		run, name := sub.RunE, sub.Name()
		sub.Short = "Say what dray " + name + " would do"
		sub.Long = fmt.Sprintf("Say what dray %s would do with the same arguments and flags, and do nothing: see dray help plan.\n\n%s", name, sub.Long)
		sub.Example = strings.ReplaceAll(sub.Example, "dray "+name, "dray plan "+name)
		sub.RunE = func(cmd *cobra.Command, args []string) error {
			a.planning = true
			return run(cmd, args)
		}
		a.printed[sub.Flags()] = []any{forecast{}}
		if name == "save" {
			sub.Flags().BoolVar(&a.update.exact, "exact", false, "make the deltas of an update, to know how small they are")
		}
		cmd.AddCommand(sub)
	}
	return cmd
}

// A forecast is what dray plan prints.
type forecast struct {
	Images  []planned        `json:"images"`
	Total   transfer.Amounts `json:"total"`
	Update  *plannedUpdate   `json:"update,omitempty"`
	Archive *plannedArchive  `json:"archive,omitempty"`
}

// planned is one image of a forecast.
type planned struct {
	Source    string   `json:"source"`
	Image     string   `json:"image,omitempty"`
	As        string   `json:"as,omitempty"`
	At        string   `json:"at,omitempty"`
	Name      string   `json:"name"`
	Digest    string   `json:"digest"`
	Origin    string   `json:"origin,omitempty"`
	Platforms []string `json:"platforms"` // it would have there
	transfer.Amounts
	Referrers     int `json:"referrers"`               // what belongs to it, and would go with it
	LeftReferrers int `json:"leftReferrers,omitempty"` // what would stay behind: the destination keeps none

	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// plannedArchive is the file that would be written.
type plannedArchive struct {
	Stands bool  `json:"stands"` // it is there already, and stays
	Bytes  int64 `json:"bytes"`
	AtMost bool  `json:"atMost,omitempty"`
	Parts  int   `json:"parts,omitempty"`
	Parity int   `json:"parity,omitempty"`
	Need   int64 `json:"need"`           // bytes that the disk must have free
	Free   int64 `json:"free,omitempty"` // bytes that it has; -1 if that is not known
}

// foretell says what c would do.
func (a *app) foretell(ctx context.Context, c carriage, doing string) error {
	var plan *transfer.Forecast
	parcels, err := a.carry(ctx, c, func(ctx context.Context, reqs []transfer.Request, o transfer.Options) ([]transfer.Result, error) {
		var err error
		if plan, err = transfer.Plan(ctx, nil, reqs, o); isFatal(err) {
			return nil, err
		}
		var results []transfer.Result
		for _, img := range plan.Images {
			results = append(results, img.Result)
		}
		return results, err
	})
	if err == nil {
		out := newForecast(parcels, plan)
		out.Update = newPlannedUpdate(a.update.planned, a.update.exact)
		err = a.printForecast(out)
		err = errors.Join(verdict(parcels), out.fits(c), err)
	}
	if err != nil {
		return fmt.Errorf("planning: %s: %w", doing, err)
	}
	return nil
}

func newForecast(parcels []parcel, plan *transfer.Forecast) forecast {
	out := forecast{Images: []planned{}}
	if plan == nil { // no image could even be found
		plan = &transfer.Forecast{}
	}
	out.Total = plan.Total
	for _, s := range plan.Sinks {
		if s.Size > 0 {
			out.Archive = &plannedArchive{s.Stands, s.Size, s.AtMost, s.Parts, s.Parity, s.Need, s.Free}
		}
	}
	next := plan.Images
	for _, p := range parcels {
		var img planned
		if p.end.sink != nil { // it was planned
			img.Platforms, img.Amounts = platformNames(next[0].Holds), next[0].Amounts
			img.Referrers, img.LeftReferrers = len(next[0].Referrers), next[0].LeftReferrers
			next = next[1:]
		}
		for _, r := range reported([]parcel{p}) {
			img.setReported(r)
			out.Images = append(out.Images, img)
			img.Amounts = transfer.Amounts{Bytes: img.Bytes, Shared: img.Bytes} // another name of the same
		}
	}
	return out
}

func (p *planned) setReported(r list.Image) {
	p.Source, p.Image, p.As, p.At, p.Name, p.Digest, p.Origin = r.Source, r.Image, r.As, r.At, r.Name, r.Digest, r.Origin
	p.OK, p.Error = r.OK, r.Error
}

func platformNames(platforms []arch.Platform) []string {
	names := make([]string, 0, len(platforms))
	for _, p := range platforms {
		names = append(names, p.String())
	}
	return names
}

// fits fails if the disk has no room for the archive.
func (f forecast) fits(c carriage) error {
	to, ok := c.to.(*oneWay)
	if !ok || f.Archive == nil || f.Archive.Free < 0 || f.Archive.Need <= f.Archive.Free {
		return nil
	}
	return &archive.SpaceError{Path: to.dst.Ref.Path, Need: f.Archive.Need, Free: f.Archive.Free}
}

func (a *app) printForecast(out forecast) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.pause(func() error {
		if a.o.quiet && f.IsText() {
			var digests []string
			for _, img := range out.Images {
				digests = append(digests, img.Digest)
			}
			return a.streams.Lines(digests...)
		}
		return a.streams.Print(f, out, out.text)
	})
}

// text writes f for people.
func (f forecast) text(w io.Writer) error {
	var rows [][]string
	for _, img := range f.Images {
		label := cmp.Or(img.Image, img.Source)
		if !img.OK && img.Digest == "" {
			rows = append(rows, []string{label, "-", "", "", "", "", "", "failed: " + img.Error})
			continue
		}
		belongs := strconv.Itoa(img.Referrers)
		if img.LeftReferrers > 0 {
			belongs = fmt.Sprintf("%d stay behind", img.LeftReferrers)
		}
		rows = append(rows, slices.Concat([]string{label, few(img.Platforms)}, amounts(img.Amounts), []string{belongs}))
	}
	if len(f.Images) > 1 {
		rows = append(rows, append([]string{"in all", ""}, amounts(f.Total)...))
	}
	if err := ui.Table(w, []string{"IMAGE", "PLATFORMS", "SIZE", "MOVE", "THERE", "MOUNT", "SHARED", "REFERRERS"}, rows); err != nil {
		return err
	}
	var lines []string
	if f.Update != nil {
		lines = append(lines, f.Update.String())
	}
	if f.Archive != nil {
		lines = append(lines, f.Archive.String())
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(lines, "\n"))
	return err
}

func amounts(a transfer.Amounts) []string {
	return []string{ui.Size(a.Bytes), ui.Size(a.Move), ui.Size(a.Present + a.Resume), ui.Size(a.Mount), ui.Size(a.Shared)}
}

// few names some platforms, so that the table stays one.
func few(platforms []string) string {
	const most = 3
	if n := len(platforms) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(platforms[:most], ", "), n)
	}
	return cmp.Or(strings.Join(platforms, ", "), "-")
}

// String says what the archive is like.
func (p *plannedArchive) String() string {
	s := fmt.Sprintf("archive: %s (%d bytes)", ui.Size(p.Bytes), p.Bytes)
	if p.AtMost {
		s = fmt.Sprintf("archive: at most %s (%d bytes)", ui.Size(p.Bytes), p.Bytes)
	}
	if p.Parts > 0 {
		s += " in " + plural(p.Parts, "part")
	}
	if p.Parity > 0 {
		s += fmt.Sprintf(" and %d of parity", p.Parity)
	}
	switch {
	case p.Stands:
		return s + ", which is there already"
	case p.Free >= 0:
		s += fmt.Sprintf("; the disk must have %s free, and has %s", ui.Size(p.Need), ui.Size(p.Free))
	}
	return s
}
