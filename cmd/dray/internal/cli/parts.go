package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/parts"
)

func newParts(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parts",
		Short: "Check, repair and join an archive in parts",
		Long: `Check, repair and join an archive in parts, as save --part-size writes it. SET is named as the
file that its parts make up, by one of them, or by their document: x.tar, x.tar.001, x.parts.json.
To read images from it none of this is needed: every command takes SET where it takes an archive.`,
	}
	cmd.AddCommand(newPartsCheck(a), newPartsRepair(a), newPartsJoin(a))
	return cmd
}

// setAt is the document of the set that a user names.
func setAt(name string) string {
	if index, ok := parts.Find(name); ok {
		return index
	}
	return parts.Index(name)
}

func newPartsCheck(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check SET",
		Short: "Read all parts and name those that are missing, damaged or of another run",
		Example: `  dray parts check app.parts.json
  dray parts check app.tar --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.partsCheck(cmd.Context(), setAt(args[0])) },
	}
	a.formatFlag(cmd.Flags(), partsReport{})
	a.progressFlag(cmd.Flags())
	return cmd
}

// partsReport is what parts check prints.
type partsReport struct {
	Name       string      `json:"name"`
	Size       int64       `json:"size"`
	SHA256     string      `json:"sha256"`
	PartSize   int64       `json:"partSize"`
	Parts      int         `json:"parts"`
	Parity     int         `json:"parity"`
	OK         bool        `json:"ok"`
	Repairable bool        `json:"repairable"` // parity can make up for the faults
	Faults     []partFault `json:"faults"`
}

type partFault struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
	Parity bool   `json:"parity"`
	Fault  string `json:"fault"` // missing, size, content or unread
	Text   string `json:"text"`
}

func (a *app) partsCheck(ctx context.Context, index string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	events, err := a.events()
	if err != nil {
		return err
	}
	doc, err := parts.Check(ctx, index, events)
	var bad *parts.FaultsError
	if err != nil && !errors.As(err, &bad) {
		return fmt.Errorf("checking parts: %w", err)
	}
	r := newPartsReport(doc, bad)
	err = a.pause(func() error { return a.streams.Print(f, r, r.write) })
	if err != nil || bad == nil {
		return err
	}
	return &verifyError{fmt.Errorf("checking parts: %w", bad)}
}

func newPartsReport(doc *parts.Document, bad *parts.FaultsError) *partsReport {
	r := &partsReport{
		Name: doc.Name, Size: doc.Size, SHA256: doc.SHA256, PartSize: doc.PartSize,
		Parts: len(doc.Parts), Parity: len(doc.Parity), OK: bad == nil, Faults: []partFault{},
	}
	if bad == nil {
		return r
	}
	r.Repairable = len(bad.Faults) <= len(doc.Parity)
	for _, f := range bad.Faults {
		r.Faults = append(r.Faults, partFault{f.Part.Name, f.Number, f.Parity, f.Kind, f.Err.Error()})
	}
	return r
}

func (r *partsReport) write(w io.Writer) error {
	if r.OK {
		_, err := fmt.Fprintf(w, "%s: %d parts and %d parity are whole: %d bytes, sha256:%s\n", ui.Quote(r.Name), r.Parts, r.Parity, r.Size, r.SHA256)
		return err
	}
	rows := make([][]string, 0, len(r.Faults))
	for _, f := range r.Faults {
		rows = append(rows, []string{f.Name, f.Fault, f.Text})
	}
	return ui.Table(w, []string{"FILE", "FAULT", "WHY"}, rows)
}

func newPartsRepair(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repair SET",
		Short: "Make lost and damaged parts again, from parity",
		Long: `Make lost and damaged parts again, and lost parity. As many can be missing as the set has parity.
Nothing is replaced before all that is made again is what the document says.`,
		Example: `  dray save app:1.4 -o app.tar --part-size 4000M --parity 2
  dray parts repair app.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.partsRepair(cmd.Context(), setAt(args[0])) },
	}
	a.progressFlag(cmd.Flags())
	return cmd
}

func (a *app) partsRepair(ctx context.Context, index string) error {
	events, err := a.events()
	if err != nil {
		return err
	}
	made, err := parts.Repair(ctx, index, events)
	if errors.As(err, new(*parts.FaultsError)) {
		err = &verifyError{err}
	}
	if err != nil {
		return fmt.Errorf("repairing parts: %w", err)
	}
	lines := make([]string, 0, len(made))
	for _, f := range made {
		lines = append(lines, f.Part.Name)
	}
	if len(made) == 0 {
		return a.note("there is nothing to repair", "")
	}
	return a.pause(func() error { return a.streams.Lines(lines...) })
}

func newPartsJoin(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "join SET -o FILE",
		Short: "Write the parts into one file",
		Long: `Write the parts into one file, each verified on the way. cat x.tar.0* does the same without a check.
Without their document, if that is lost, they are joined as they are, with a warning.
On standard output what was written is whole only if the exit code is 0.`,
		Example: `  dray parts join app.parts.json -o /srv/app.tar
  dray parts join app.tar -o - | ssh host docker load`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.partsJoin(cmd.Context(), setAt(args[0]), out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, - for standard output")
	a.progressFlag(cmd.Flags())
	return cmd
}

func (a *app) partsJoin(ctx context.Context, index, out string) (err error) {
	switch {
	case out == "":
		return &usageError{errors.New("say where to write: -o FILE, or -o - for standard output")}
	case out == "-" && a.streams.OutIsTerminal:
		return &usageError{errors.New("writing an archive to a terminal: redirect it, or name a file")}
	}
	events, err := a.events()
	if err != nil {
		return err
	}
	s, done, err := a.joinable(index)
	if err != nil {
		return fmt.Errorf("joining parts: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	if out == "-" {
		err = s.Join(ctx, a.streams.Out, events)
	} else {
		err = wholeFile(out, func(tmp string) error {
			f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_TRUNC, 0o644)
			if err != nil {
				return err
			}
			return errors.Join(s.Join(ctx, f, events), f.Sync(), f.Close())
		})
	}
	if err != nil {
		return fmt.Errorf("joining parts: %w", err)
	}
	return nil
}

// A joiner writes what parts make up.
type joiner interface {
	Join(ctx context.Context, w io.Writer, events event.Handler) error
}

// joinable is the set whose document is at index, or if that is lost its parts as
// they are. done is called after it was used.
func (a *app) joinable(index string) (j joiner, done func() error, err error) {
	s, err := parts.Open(index)
	if err == nil {
		return s, s.Close, nil
	}
	if _, serr := os.Stat(index); !errors.Is(serr, fs.ErrNotExist) {
		return nil, nil, err
	}
	l, lerr := parts.FindLoose(index)
	if lerr != nil {
		return nil, nil, lerr
	}
	if len(l.Paths) == 0 {
		return nil, nil, err
	}
	a.handle(event.Event{
		Kind: event.Warn,
		Text: fmt.Sprintf("there is no %s: %s of %d bytes in all are joined as they are, and nothing of them is checked", index, plural(len(l.Paths), "part"), l.Size),
		Hint: "dray verify FILE says whether all in it is right; whether parts are missing at the end, too",
	})
	return l, func() error { return nil }, nil
}
