package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/ref"
)

func newSave(a *app) *cobra.Command {
	o := saveFlags{}
	cmd := &cobra.Command{
		Use:   "save NAME… -o FILE",
		Short: "Write images into one archive that every engine loads",
		Long: `Write images into one archive that Docker, Podman, containerd, skopeo and dray all load:
an OCI layout and what docker save writes in one tar, manifests and layers byte for byte.
The file appears only when it is whole; after a cut, the same command goes on where it stopped.
--part-size cuts it into parts, which every command reads where they lie: x.tar.001, x.tar.002, …,
and x.parts.json with their checksums. --parity N adds N files, from which N lost ones are rebuilt.
Of several platforms this host's is taken; --platform all takes them all.
Of a list, what cannot be had is left out and named, and the rest is written whole.

With --have or --base the archive is an update: it has all manifests, but of the rest only what the other
side lacks. No engine loads it; dray load, push, copy, verify and serve do, where the rest is.`,
		Example: `  dray save alpine:3.20 -o alpine.tar
  dray save --platform linux/amd64,linux/arm64 ghcr.io/org/app:1.4 -o app.tar
  dray save -f images.txt -o all.tar --map docker.io=registry.local:5000
  dray save --platform all app:1.4 -o app.tar --part-size 4000M --parity 1
  dray save --have have.json ghcr.io/org/app:1.5 -o update.tar
  dray save store:app:dev -o - | ssh host docker load`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.update.check(cmd.Flags()); err != nil {
				return err
			}
			return a.save(cmd.Context(), args, o)
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&o.out, "output", "o", "", "`file` to write, - for standard output")
	a.outputFlags(fs, "print only digests", moved{}, list.Image{})
	a.platformFlag(fs, "platforms to save: os/arch[/variant], all or local (default local)")
	a.listFlags(fs)
	fs.BoolVar(&o.allOrNothing, "all-or-nothing", false, "write nothing if an image of a list cannot be had")
	a.moveFlags(fs)
	a.archiveFlags(fs)
	a.partsFlags(fs)
	fs.StringVar(&o.only, "only-parts", "", "write just these `parts` of it again: 3 or 3,5-7")
	a.update.add(fs)
	a.referrersFlag(fs)
	fs.StringVar(&o.dockerPlatform, "docker-platform", "", "which `platform` an old Docker sees where there are several (default this host's)")
	fs.StringArrayVar(&o.maps, "map", nil, "change names that begin with FROM to begin with TO, as `FROM=TO`")
	fs.BoolVar(&o.sparse, "sparse", false, "keep an index as it is, with some of its platforms missing")
	fs.BoolVar(&o.checkTag, "check-tag", false, "fail if the tag of repo:tag@digest has moved")
	return cmd
}

type saveFlags struct {
	copyFlags
	out, dockerPlatform string
	only                string
	allOrNothing        bool
}

// archiveFlags are for commands that may write an archive.
func (a *app) archiveFlags(fs *pflag.FlagSet) {
	a.o.form = formFlag(archive.Hybrid)
	fs.Var(&a.o.form, "as", "`form` of an archive: hybrid (both of the others in one), docker or oci")
	shared(fs, "as")
}

// formFlag is the form of an archive.
type formFlag archive.Form

func (f *formFlag) Set(s string) error {
	switch form := archive.Form(s); form {
	case archive.Hybrid, archive.Docker, archive.OCI:
		*f = formFlag(form)
		return nil
	}
	return errors.New("it is neither hybrid, docker nor oci")
}

func (f *formFlag) String() string { return string(*f) }
func (f *formFlag) Type() string   { return "form" }

func (a *app) save(ctx context.Context, args []string, flags saveFlags) error {
	if flags.out == "" {
		return &usageError{errors.New("say where to write: -o FILE, or -o - for standard output")}
	}
	lines, err := a.lines(args)
	if err != nil {
		return err
	}
	c := carriage{strict: flags.checkTag}
	if c.lines, err = a.named(lines, ref.Registry); err != nil {
		return err
	}
	if fi, err := os.Stat(flags.out); err == nil && fi.IsDir() {
		return &usageError{&hintedError{fmt.Errorf("saving to %s: it is a folder", flags.out), "name a file, or use dray copy SRC oci:DIR for a layout"}}
	}
	to := ref.Ref{Kind: ref.Path, Path: flags.out}
	if err := a.cutInto(to, flags.only); err != nil {
		return err
	}
	if c.o, err = a.transferOptions(); err != nil {
		return err
	}
	c.o.HostByDefault, c.o.Sparse, c.o.KeepGoing = true, flags.sparse, a.lists.isGiven() && !flags.allOrNothing
	if flags.dockerPlatform != "" {
		if c.o.First, err = arch.Parse(flags.dockerPlatform); err != nil {
			return err
		}
	}
	for _, l := range c.lines {
		a.update.from = append(a.update.from, l.from)
	}
	if c.to, err = a.oneWay(ctx, to, flags.maps); err != nil {
		return err
	}
	return a.bring(ctx, c, "saving to "+flags.out, flags.out == "-")
}
