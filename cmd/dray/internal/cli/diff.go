package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/open"
)

func newDiff(a *app) *cobra.Command {
	var o diffFlags
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Show how an image differs from another: layers, config, files",
		Long: `Show how an image differs from another: layers, config and files, wherever the two are. Files are
added, removed, changed (other content), or have the same content and other metadata. Times alone make
no difference unless --times is given. Layers that both have are read once.`,
		Example: `  dray diff ghcr.io/org/app:1.3 ghcr.io/org/app:1.4
  dray diff --no-files alpine:3.19 alpine:3.20
  dray diff --exit-code --times build1.tar build2.tar
  dray diff --format json store:app:dev docker-daemon:app:dev`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.diff(cmd.Context(), args[0], args[1], o) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.noFiles, "no-files", false, "read no layers, compare what manifests and configs say")
	fs.BoolVar(&o.times, "times", false, "files that differ in nothing but their time are different")
	fs.BoolVar(&o.exitCode, "exit-code", false, "exit with 5 if there is a difference")
	a.wasteFlag(fs, &o.maxWasted)
	a.outputFlags(fs, "leave notes out", layers.Difference{})
	a.platformFlag(fs, "platform to compare: os/arch[/variant] or local (default local)")
	a.lookFlags(fs)
	a.jobsFlag(fs, "layers to read at once")
	return cmd
}

type diffFlags struct {
	noFiles, times, exitCode bool
	maxWasted                waste
}

func (a *app) diff(ctx context.Context, nameA, nameB string, flags diffFlags) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	if flags.noFiles && (flags.times || flags.maxWasted.isSet()) {
		return &usageError{errors.New("--times and --max-wasted are about files: leave out --no-files")}
	}
	if _, err := a.refs(nameA, nameB); err != nil {
		return err
	}
	return a.lookAt(ctx, nameA, func(srcA *open.Source, imgA open.Image) error {
		return a.lookAt(ctx, nameB, func(srcB *open.Source, imgB open.Image) error {
			o, err := a.layersOptions(srcA.Ref)
			if err != nil {
				return err
			}
			d, err := layers.Diff(ctx, srcA, imgA.Root, srcB, imgB.Root, layers.DiffOptions{Options: o, Times: flags.times, MetaOnly: flags.noFiles})
			if err != nil {
				return oneImage(err)
			}
			if err := a.streams.Print(f, d, func(w io.Writer) error { return writeDiff(w, d) }); err != nil {
				return err
			}
			if flags.maxWasted.isSet() {
				err = flags.maxWasted.check(d.After.Waste)
			}
			if flags.exitCode && !d.Same {
				err = errors.Join(&verifyError{errors.New("the images differ")}, err)
			}
			return err
		})
	})
}

func writeDiff(w io.Writer, d *layers.Difference) error {
	var f facts
	f.add("Before", sideText(d.Before))
	f.add("After", sideText(d.After))
	var layerLines, configLines, fileLines []string
	for _, l := range d.Layers {
		layerLines = append(layerLines, fmt.Sprintf("%s %s %s", sign(l.Kind), l.Digest, ui.Size(l.Size)))
	}
	for _, c := range d.Config {
		configLines = append(configLines, changeText(c))
	}
	for _, c := range d.Files {
		fileLines = append(fileLines, fileText(c))
	}
	f.add("Layers", layerLines...)
	f.add("Config", configLines...)
	f.add("Files", fileLines...)
	if d.Same {
		f.add("Same", "there is no difference")
	}
	return ui.Table(w, nil, f.rows)
}

func sideText(s layers.Side) string {
	text := fmt.Sprintf("%s %s, %s", s.Digest, s.Platform, ui.Size(s.Size))
	if s.Waste != nil {
		text += ", " + wasteText(s.Waste)
	}
	return text
}

func sign(kind string) string {
	switch kind {
	case "added":
		return "+"
	case "removed":
		return "-"
	case "same":
		return "="
	}
	return "~"
}

func changeText(c settings.Change) string {
	switch {
	case c.Before == "":
		return "+ " + c.Key + ": " + c.After
	case c.After == "":
		return "- " + c.Key + ": " + c.Before
	}
	return "~ " + c.Key + ": " + c.Before + " → " + c.After
}

func fileText(c layers.FileChange) string {
	text := sign(c.Kind) + " " + c.Path
	switch c.Kind {
	case "added":
		return text + " " + ui.Size(c.After)
	case "removed":
		return text + " " + ui.Size(c.Before)
	case "changed":
		text += fmt.Sprintf(" %s → %s", ui.Size(c.Before), ui.Size(c.After))
	}
	if c.Kind == "metadata" {
		return text + " same content, other " + strings.Join(c.What, ", ")
	}
	return text + " (" + strings.Join(c.What, ", ") + ")"
}
