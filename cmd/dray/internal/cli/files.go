package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

func newFiles(a *app) *cobra.Command {
	var o filesFlags
	cmd := &cobra.Command{
		Use:   "files NAME [PATH…]",
		Short: "List the files in an image or in one of its layers",
		Long: `List the files in an image, or in one of its layers, as ls -l does; the last number before the
name is the layer that has it. With PATH only those files and folders.

What higher layers hide is carried for nothing. The last line says how much that is, and the
efficiency as dive reckons it; --wasted lists those files, and --max-wasted makes too much of it an
error, for CI.`,
		Example: `  dray files alpine:3.20
  dray files ghcr.io/org/app:1.4 /etc /usr/local/bin
  dray files --layer -1 app.tar
  dray files --wasted --max-wasted 5% ghcr.io/org/app:1.4
  dray files --format json app.tar | jq -r '.files[] | select(.size > 1e7) | .path'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.files(cmd.Context(), args[0], args[1:], o)
		},
	}
	fs := cmd.Flags()
	fs.Var(&o.layer, "layer", "list this layer alone: a `number`, from 0, or from the top, from -1")
	fs.BoolVar(&o.wasted, "wasted", false, "list what higher layers hide instead of what is there")
	a.wasteFlag(fs, &o.maxWasted)
	a.outputFlags(fs, "leave notes out", layers.Listing{})
	a.platformFlag(fs, "platform to list: os/arch[/variant] or local (default local)")
	a.lookFlags(fs)
	a.jobsFlag(fs, "layers to read at once")
	return cmd
}

type filesFlags struct {
	layer     optionalInt
	wasted    bool
	maxWasted waste
}

// optionalInt is a flag of a number that may not be given.
type optionalInt struct{ n *int }

func (i *optionalInt) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("%q is no number", s)
	}
	i.n = &n
	return nil
}

func (i *optionalInt) String() string {
	if i.n == nil {
		return ""
	}
	return strconv.Itoa(*i.n)
}

func (i *optionalInt) Type() string { return "number" }

// layersOptions are the flags as package layers takes them, for reading from r.
func (a *app) layersOptions(r ref.Ref) (layers.Options, error) {
	sel, err := a.selection()
	if err != nil {
		return layers.Options{}, err
	}
	events, err := a.events()
	return layers.Options{
		Platforms: sel, Host: arch.Host().Target(), TempDir: a.o.tmpDir, Spool: r.Kind == ref.Registry,
		Jobs: int(a.o.jobs), Events: events,
	}, err
}

// oneImage is an error of [layers.ErrSeveral] said as wrong usage.
func oneImage(err error) error {
	if errors.Is(err, layers.ErrSeveral) {
		return &usageError{err}
	}
	return err
}

func (a *app) files(ctx context.Context, name string, under []string, flags filesFlags) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	if flags.layer.n != nil && (flags.wasted || flags.maxWasted.isSet()) {
		return &usageError{errors.New("a layer alone hides nothing: leave out --layer, or --wasted and --max-wasted")}
	}
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		o, err := a.layersOptions(src.Ref)
		if err != nil {
			return err
		}
		l, err := layers.Files(ctx, src, img.Root, layers.FilesOptions{Options: o, Under: under, Layer: flags.layer.n})
		if err != nil {
			return oneImage(err)
		}
		err = a.streams.Print(f, l, func(w io.Writer) error {
			if flags.wasted {
				return writeWasted(w, l.Waste)
			}
			return writeFiles(w, l.Files)
		})
		if err != nil || l.Waste == nil {
			return err
		}
		if f.IsText() {
			if err := a.note(fmt.Sprintf("%s of %s: %s", plural(len(l.Layers), "layer"), ui.Size(l.Waste.Total), wasteText(l.Waste)), ""); err != nil {
				return err
			}
		}
		return flags.maxWasted.check(l.Waste)
	})
}

func writeFiles(w io.Writer, files []layers.FileInfo) error {
	rows := make([][]string, 0, len(files))
	for _, f := range files {
		size, name := strconv.FormatInt(f.Size, 10), f.Path
		if f.Device != "" {
			size = f.Device
		}
		switch f.Type {
		case "symlink":
			name += " -> " + f.Link
		case "hardlink":
			name += " link to " + f.Link
		case "whiteout", "opaque":
			name += " (" + f.Type + ")"
		}
		at := "-"
		if !f.Modified.IsZero() {
			at = f.Modified.Format("2006-01-02 15:04")
		}
		rows = append(rows, []string{f.Mode, ownerOf(f), size, at, strconv.Itoa(f.Layer), name})
	}
	return ui.Table(w, nil, rows)
}

func ownerOf(f layers.FileInfo) string { return strconv.Itoa(f.UID) + ":" + strconv.Itoa(f.GID) }

func writeWasted(w io.Writer, waste *layers.Waste) error {
	rows := make([][]string, 0, len(waste.Files))
	for _, f := range waste.Files {
		rows = append(rows, []string{ui.Size(f.Size), f.Why, strconv.Itoa(f.Layer), strconv.Itoa(f.By), f.Path})
	}
	return ui.Table(w, []string{"SIZE", "WHY", "LAYER", "HIDDEN BY", "PATH"}, rows)
}

func wasteText(w *layers.Waste) string {
	return fmt.Sprintf("efficiency %.4g%%, %s wasted in %s", w.Efficiency*100, ui.Size(w.Bytes), plural(len(w.Files), "file"))
}

// waste is the flag --max-wasted: a size, or a share of all bytes.
type waste struct {
	text    string
	bytes   int64
	percent float64
}

func (a *app) wasteFlag(fs *pflag.FlagSet, w *waste) {
	fs.Var(w, "max-wasted", "fail with exit code 5 if more is wasted: 20MB, or 5% of all")
}

func (w *waste) isSet() bool { return w.text != "" }

func (w *waste) Set(s string) error {
	w.text = s
	if number, ok := strings.CutSuffix(s, "%"); ok {
		p, err := strconv.ParseFloat(number, 64)
		if err != nil || p < 0 || p > 100 {
			return fmt.Errorf("%q is no share: write 5%%", s)
		}
		w.percent = p
		return nil
	}
	n, err := parseSize(s)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is neither a size nor a share: write 20MB or 5%%", s)
	}
	w.bytes, w.percent = n, -1
	return nil
}

func (w *waste) String() string { return w.text }
func (w *waste) Type() string   { return "size" }

// check fails if more is wasted than may be.
func (w *waste) check(found *layers.Waste) error {
	if !w.isSet() {
		return nil
	}
	limit := float64(w.bytes)
	if w.percent >= 0 {
		limit = float64(found.Total) * w.percent / 100
	}
	if float64(found.Bytes) > limit {
		return &verifyError{fmt.Errorf("%s are wasted, more than the %s allowed", ui.Size(found.Bytes), w.text)}
	}
	return nil
}
