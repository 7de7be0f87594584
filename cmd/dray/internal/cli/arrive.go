package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// bring runs c, which is a command that does what doing says, to its end. With
// silent nothing is printed: an archive is. In dray plan it says what would be done.
func (a *app) bring(ctx context.Context, c carriage, doing string, silent bool) error {
	if a.planning {
		return a.foretell(ctx, c, doing)
	}
	a.moving = true
	parcels, err := a.carry(ctx, c, func(ctx context.Context, reqs []transfer.Request, o transfer.Options) ([]transfer.Result, error) {
		return transfer.Copy(ctx, nil, reqs, o)
	})
	if err == nil {
		err = a.arrive(parcels, silent)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// arrive prints what has arrived, unless silent, writes what the flags ask for,
// and returns what the run comes to.
func (a *app) arrive(parcels []parcel, silent bool) error {
	err := errors.Join(a.writeReport(parcels), a.writeLock(parcels))
	if !silent {
		err = errors.Join(a.printParcels(parcels), err)
	}
	if a.lists.isGiven() && !a.o.quiet && a.o.format == "text" && a.o.progress != "json" {
		err = errors.Join(err, a.pause(func() error { return parcelTable(a.streams.Err, parcels) }))
	}
	return errors.Join(verdict(parcels), err)
}

// printParcels prints NAME@DIGEST of what has arrived, or of a list what became of
// everything in another format.
func (a *app) printParcels(parcels []parcel) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	if a.lists.isGiven() && !f.IsText() {
		return a.pause(func() error {
			return ui.PrintList(a.streams, f, reported(parcels), func(io.Writer) error { return nil })
		})
	}
	var all []moved
	for _, p := range parcels {
		if p.err == nil {
			all = append(all, p.moved()...)
		}
	}
	if len(all) == 0 && f.IsText() {
		return nil
	}
	return a.printMoved(all)
}

// parcelTable is what became of each image, for people.
func parcelTable(w io.Writer, parcels []parcel) error {
	var rows [][]string
	for _, img := range reported(parcels) {
		digest, size, result := "", "", "failed" // why has been told, and is in the report
		if img.Digest != "" {
			_, hex, _ := bytes.Cut([]byte(img.Digest), []byte(":"))
			digest, size = string(hex[:min(12, len(hex))]), ui.Size(img.Bytes)
		}
		if img.OK {
			result = "ok"
		}
		rows = append(rows, []string{cmp.Or(img.Image, img.Source), digest, size, result})
	}
	return ui.Table(w, []string{"IMAGE", "DIGEST", "SIZE", "RESULT"}, rows)
}

// reported is what a report says of parcels.
func reported(parcels []parcel) []list.Image {
	all := make([]list.Image, 0, len(parcels))
	for _, p := range parcels {
		img := list.NewImage(p.line.Line)
		if r := p.line.from; r.Image == "" && r.Name == (ref.Name{}) {
			img.Image = p.req.From
		}
		if p.err != nil {
			img.Error = p.err.Error()
			all = append(all, img)
			continue
		}
		img.OK, img.Bytes = len(p.res.Missing) == 0, p.res.Bytes()
		if !img.OK {
			img.Error = (&transfer.IncompleteError{Missing: p.res.Missing}).Error()
		}
		for _, m := range p.moved() {
			img.Name, img.Digest, img.Origin, img.Referrers = m.Name, m.Digest, m.Origin, m.Referrers
			all = append(all, img)
		}
	}
	return all
}

// verdict is what a run comes to: nothing, the error of its only image, that some
// have failed, or that all have, which is of their kind if it is of one.
func verdict(parcels []parcel) error {
	var failed []error
	var missing transfer.IncompleteError
	codes := map[int]bool{}
	for _, p := range parcels {
		missing.Missing = append(missing.Missing, p.res.Missing...)
		if p.err != nil {
			failed = append(failed, p.err)
			codes[exitCode(p.err)] = true
		}
	}
	switch {
	case len(failed) == 0 && len(missing.Missing) > 0:
		return &missing
	case len(failed) == 0:
		return nil
	case len(parcels) == 1:
		return failed[0]
	case len(failed) < len(parcels):
		return &partlyError{fmt.Errorf("%d of %d images failed", len(failed), len(parcels))}
	case len(codes) == 1:
		return &toldError{failed[len(failed)-1], fmt.Sprintf("all %d images failed", len(failed))}
	}
	return fmt.Errorf("all %d images failed", len(failed))
}

func (a *app) writeReport(parcels []parcel) error {
	if a.lists.report == "" {
		return nil
	}
	return writeDocument(a.lists.report, "report", list.Report{Images: reported(parcels)}.Write)
}

// writeLock writes the list that says what has arrived, by digest.
func (a *app) writeLock(parcels []parcel) error {
	if a.lists.lock == "" {
		return nil
	}
	var lines []list.Line
	seen := map[string]bool{}
	for _, p := range parcels {
		if p.err != nil {
			continue
		}
		if l := p.locked(len(a.o.platforms) > 0); !seen[l.String()] {
			seen[l.String()] = true
			lines = append(lines, l)
		}
	}
	return writeDocument(a.lists.lock, "lock", func(w io.Writer) error {
		return list.Write(w, "what was carried: the same again with -f, the same command and flags", lines)
	})
}

// locked is the line that means for ever what p was. All platforms are named only
// where they were chosen, by the flags or the line of p, and there was a choice.
func (p parcel) locked(chosen bool) list.Line {
	l := list.Line{Name: p.line.from.Name.Tagged() + "@" + p.res.Origin.Digest.String(), As: p.line.As}
	if p.line.from.Kind == ref.Store {
		l.Name = "store:" + l.Name
	} else if r, err := ref.Parse(l.Name); err != nil || r.Kind != ref.Registry {
		l.Name = "docker://" + l.Name
	}
	l.Platforms.Platforms = p.res.Platforms
	if len(p.res.Platforms) == 0 && p.res.Origin.MediaType.IsIndex() {
		l.Platforms.All = chosen || !p.line.Platforms.IsZero()
	}
	return l
}

// writeDocument has write fill file, which appears when it is whole.
func writeDocument(file, what string, write func(w io.Writer) error) error {
	var buf bytes.Buffer
	err := write(&buf)
	if err == nil {
		err = writeWhole(file, buf.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	return nil
}
