package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
)

func newAppend(a *app) *cobra.Command {
	var o appendFlags
	cmd := &cobra.Command{
		Use:   "append SRC -t DST",
		Short: "Put files or layers on an image, on every platform of an index",
		Long: `Put files or layers on an image, on every platform of an index or those chosen. Tars are plain, gzip
or zstd. Files and folders are added by --add, what the image has is taken away by --delete; together
they make one layer on top of the tars. A tar or a file may be for a platform alone (linux/arm64=x.tar).

Folders above what is added keep the owner and mode that they have in the image, and links there
are followed. Finding that out takes reading layers: of a far image no more than 64 MiB, or with
--parents base all that it takes. Nothing else of the image is downloaded if DST has it or can mount it.
SRC may be scratch, as in a Dockerfile: an image of nothing for the platforms of --layer and --platform.

Equal input gives equal bytes: names are sorted, times are SOURCE_DATE_EPOCH, --time or 1970. A program
in a new layer that is for another machine than its platform is refused; --force puts it there.`,
		Example: `  dray append alpine:3.20 --add ./app:/usr/local/bin/app:0755 -t registry.local/app:1
  dray append registry.local/base:1 --layer linux/amd64=amd64.tar --layer linux/arm64=arm64.tar -t registry.local/app:1
  dray append alpine:3.20 --add linux/amd64=./app-amd64:/bin/app --add linux/arm64=./app-arm64:/bin/app -t oci:app:1
  dray append app.tar --delete /etc/secret -t store:app:clean
  dray append scratch --layer linux/amd64=amd64.tar --layer linux/arm64=arm64.tar -t registry.local/base:1
  dray append oci:in:1 --add ./site:/srv/www --ignore-file .dockerignore -m "the site" -t oci:out:1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.append(cmd.Context(), args[0], o) },
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&o.layers, "layer", nil, "tar to put on as a layer, as `[PLATFORM=]FILE`")
	fs.StringArrayVar(&o.add, "add", nil, "file or folder to add, as `[PLATFORM=]SRC:DST[:MODE[:UID:GID]]`")
	fs.StringArrayVar(&o.delete, "delete", nil, "`path` in the image to take away")
	fs.StringVar(&o.ignoreFile, "ignore-file", "", "`file` of .dockerignore patterns: what of added folders to leave out")
	fs.StringVar(&o.parents, "parents", "auto", "what is read for the owners of folders: auto, base (all layers) or none")
	fs.StringVar(&o.time, "time", "", "`time` of what is added and of the image: RFC 3339, seconds since 1970, or now (default $SOURCE_DATE_EPOCH, else 1970, and the image's stays)")
	fs.StringVar(&o.author, "author", "", "`name` for the history")
	fs.StringVarP(&o.message, "message", "m", "", "`comment` for the history")
	fs.BoolVar(&o.force, "force", false, "put programs there that are for another machine, and only warn")
	compressFlag(fs, &o.compress)
	a.editFlags(fs, &o.editFlags, "put it on")
	return cmd
}

type appendFlags struct {
	editFlags
	layers, add, delete           []string
	ignoreFile, parents, compress string
	time, author, message         string
	force                         bool
}

func (a *app) append(ctx context.Context, from string, flags appendFlags) error {
	o, err := a.appendOptions(flags)
	if err != nil {
		return err
	}
	put := func(b *layers.Bench, img open.Image, _ *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		o.EditOptions = eo
		return b.Append(ctx, img.Root, o)
	}
	if from == scratch {
		return a.fromScratch(ctx, o, flags.editFlags, put)
	}
	return a.edit(ctx, from, flags.editFlags, put)
}

func (a *app) appendOptions(flags appendFlags) (o layers.AppendOptions, err error) {
	if len(flags.layers)+len(flags.add)+len(flags.delete) == 0 {
		return o, &usageError{errors.New("say what to put on: --layer, --add or --delete")}
	}
	for _, s := range flags.layers {
		l, err := parseLayer(s)
		if err != nil {
			return o, err
		}
		if _, err := os.Stat(l.Path); err != nil {
			return o, fmt.Errorf("reading layer: %w", err)
		}
		o.Layers = append(o.Layers, l)
	}
	for _, s := range flags.add {
		add, err := parseAddition(s)
		if err != nil {
			return o, &usageError{fmt.Errorf("--add: %w", err)}
		}
		if _, err := os.Stat(add.Source); err != nil {
			return o, fmt.Errorf("adding %s: %w", add.Source, err)
		}
		o.Add = append(o.Add, add)
	}
	o.Delete = flags.delete
	if o.Ignore, err = readIgnore(flags.ignoreFile); err != nil {
		return o, err
	}
	switch o.Parents = layers.Parents(flags.parents); o.Parents {
	case layers.ParentsAuto, layers.ParentsBase, layers.ParentsNone:
	default:
		return o, &usageError{fmt.Errorf("--parents %q: write auto, base or none", flags.parents)}
	}
	if o.Compress, err = layers.ParseCompression(flags.compress); err != nil {
		return o, &usageError{fmt.Errorf("--compress: %w", err)}
	}
	if o.Time, o.SetCreated, err = a.timeOf(flags.time); err != nil {
		return o, err
	}
	o.Author, o.Message = flags.author, flags.message
	o.Judge = a.judge(flags.force)
	return o, nil
}

// parseLayer reads [PLATFORM=]FILE.
func parseLayer(s string) (l layers.LayerFile, err error) {
	l.Platform, l.Path, err = cutPlatform(s, s)
	return l, err
}

// parseAddition reads [PLATFORM=]SRC:DST[:MODE[:UID:GID]].
func parseAddition(s string) (layers.Addition, error) {
	src, _, _ := strings.Cut(s, ":")
	p, rest, err := cutPlatform(s, src)
	if err != nil {
		return layers.Addition{}, err
	}
	add, err := layers.ParseAddition(rest)
	add.Platform = p
	return add, err
}

// cutPlatform cuts PLATFORM= off s, if its part name begins with one. A file with = in
// its name is said as ./FILE.
func cutPlatform(s, name string) (*arch.Platform, string, error) {
	platform, _, ok := strings.Cut(name, "=")
	if !ok || strings.HasPrefix(platform, ".") || strings.HasPrefix(platform, "/") {
		return nil, s, nil
	}
	p, err := arch.Parse(platform)
	if err != nil {
		return nil, "", err
	}
	return &p, s[len(platform)+1:], nil
}

func readIgnore(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading ignore patterns: %w", err)
	}
	patterns, err := ignorefile.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading ignore patterns: %w", err)
	}
	return patterns, nil
}

// judge returns what refuses a layer with programs for another machine than its
// platform, or with force only warns of it.
func (a *app) judge(force bool) func(context.Context, place.Source, v1.Descriptor) error {
	return func(ctx context.Context, src place.Source, probe v1.Descriptor) error {
		report, err := verify.Run(ctx, src, probe, verify.Options{Binaries: verify.All})
		if err != nil {
			return err
		}
		for _, p := range report.Platforms {
			for _, f := range p.Findings {
				if f.Kind != verify.KindMachine {
					continue
				}
				if !force {
					return &misfitError{fmt.Errorf("for %s: %s", p.Platform, f.Text)}
				}
				return a.note(fmt.Sprintf("put on %s all the same: %s", p.Platform, f.Text), "")
			}
		}
		return nil
	}
}

// A misfitError says that a program is for another machine.
type misfitError struct{ error }

func (e *misfitError) Unwrap() []error { return []error{&verifyError{e.error}} }

// Hint names the ways out.
func (e *misfitError) Hint() string {
	return "give each platform its own with --add PLATFORM=SRC:DST or --layer PLATFORM=FILE, choose with --platform, or insist with --force"
}
