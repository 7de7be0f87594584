package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/open"
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
Of several platforms this host's is taken; --platform all takes them all.`,
		Example: `  dray save alpine:3.20 -o alpine.tar
  dray save --platform linux/amd64,linux/arm64 ghcr.io/org/app:1.4 -o app.tar
  dray save -f images.txt -o all.tar --map docker.io=registry.local:5000
  dray save --platform all app:1.4 -o app.tar --part-size 4000M --parity 1
  dray save store:app:dev -o - | ssh host docker load`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.save(cmd.Context(), args, o) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&o.out, "output", "o", "", "`file` to write, - for standard output")
	a.outputFlags(fs, "print only digests")
	a.platformFlag(fs, "platforms to save: os/arch[/variant], all or local (default local)")
	a.listFlag(fs)
	a.moveFlags(fs)
	a.archiveFlags(fs)
	a.partsFlags(fs)
	fs.StringVar(&o.only, "only-parts", "", "write just these `parts` of it again: 3 or 3,5-7")
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
	maps                []string
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

// listFlag is for commands that take a list of names from a file.
func (a *app) listFlag(fs *pflag.FlagSet) {
	fs.StringVarP(&a.o.list, "file", "f", "", "text `file` with a name on each line, - for standard input")
}

func (a *app) save(ctx context.Context, args []string, flags saveFlags) error {
	if flags.out == "" {
		return &usageError{errors.New("say where to write: -o FILE, or -o - for standard output")}
	}
	names, err := a.names(args)
	if err != nil {
		return err
	}
	froms, err := a.refs(names...)
	if err != nil {
		return err
	}
	to := ref.Ref{Kind: ref.Path, Path: flags.out}
	if fi, err := os.Stat(flags.out); err == nil && fi.IsDir() {
		return &usageError{&hintedError{fmt.Errorf("saving to %s: it is a folder", flags.out), "name a file, or use dray copy SRC oci:DIR for a layout"}}
	}
	if err := a.refuseTerminal(to); err != nil {
		return err
	}
	if err := a.cutInto(to, flags.only); err != nil {
		return err
	}
	o, err := a.transferOptions()
	if err != nil {
		return err
	}
	o.HostByDefault, o.Sparse = true, flags.sparse
	if flags.dockerPlatform != "" {
		if o.First, err = arch.Parse(flags.dockerPlatform); err != nil {
			return err
		}
	}
	rename, err := renamer(flags.maps)
	if err != nil {
		return err
	}
	doors, err := a.open()
	if err != nil {
		return err
	}
	if err := a.checkTags(ctx, doors, froms, flags.checkTag); err != nil {
		return err
	}
	results, err := a.transfer(ctx, doors, froms, to, o, rename)
	if isFatal(err) {
		return fmt.Errorf("saving to %s: %w", flags.out, err)
	}
	if flags.out == "-" {
		return err
	}
	return errors.Join(err, a.printMoved(movedOf(to, results)))
}

func (a *app) checkTags(ctx context.Context, doors *open.Doors, refs []ref.Ref, strict bool) error {
	for _, r := range refs {
		if err := a.checkTag(ctx, doors, r, strict); err != nil {
			return err
		}
	}
	return nil
}

// renamer returns what the values of --map do to a full name; nil if there are none.
func renamer(maps []string) (func(string) (string, error), error) {
	if len(maps) == 0 {
		return nil, nil
	}
	for _, m := range maps {
		if from, to, ok := strings.Cut(m, "="); !ok || from == "" || to == "" {
			return nil, &usageError{fmt.Errorf("--map %q: write FROM=TO", m)}
		}
	}
	return func(name string) (string, error) {
		for _, m := range maps {
			from, to, _ := strings.Cut(m, "=")
			rest, ok := strings.CutPrefix(name, from)
			// A prefix ends where a part of the name ends: a/b is none of a/bc.
			if ok && (rest == "" || strings.ContainsAny(rest[:1], "/:@") || strings.HasSuffix(from, "/")) {
				n, err := ref.ParseName(to + rest)
				return n.String(), err
			}
		}
		return name, nil
	}, nil
}
