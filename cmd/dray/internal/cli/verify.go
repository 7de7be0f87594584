package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
)

// verifyFlags are those of verify alone.
type verifyFlags struct {
	format   string // also junit and sarif, which the others do not know
	require  []string
	exactly  bool
	binaries string
	fast     bool
	skim     bool
	against  string
}

func newVerify(a *app) *cobra.Command {
	var v verifyFlags
	cmd := &cobra.Command{
		Use:   "verify SRC…",
		Short: "Is it whole, and is every platform what it says",
		Long: `Read an image once, on every platform of it, and say what is wrong: content that is missing or does
not match its digest, entries of the index that do not agree with the config, programs that are for
another machine, an interpreter or a program to start that is not there. Nothing is unpacked to
disk or executed. Of an archive with several images all are verified, and it is said which
engines load it.

Verdict of a platform: OK, NOCODE (there is no program to judge; passes), LABEL (index and config
disagree, or one is wrong and the programs are right), CONTENT (the programs are for another
machine), MIXED (some are), MISSING (something is named but not there), CORRUPT (bytes do not match
what names them). Any but the first two exit with 5.

With --format json one image gives an object, several give an array.`,
		Example: `  dray verify alpine:3.20
  dray verify --require linux/amd64,linux/arm64 --exactly ghcr.io/org/app:1.2
  dray verify --fast ghcr.io/org/app:1.2
  dray verify --binaries all app.tar
  dray verify ghcr.io/org/app:1.2 --against registry.local:5000/org/app:1.2
  dray verify --format junit oci:layout >report.xml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), args, v) },
	}
	fs := cmd.Flags()
	fs.StringVar(&v.format, "format", "text", "text, json, junit, sarif, or a Go template")
	shared(fs, "format")
	fs.StringSliceVar(&v.require, "require", nil, "`platforms` that must be there")
	fs.BoolVar(&v.exactly, "exactly", false, "and no others than those of --require")
	fs.StringVar(&v.binaries, "binaries", "entrypoint", "which programs to look at: entrypoint, all or none")
	fs.BoolVar(&v.fast, "fast", false, "read no layer: judge by indexes, manifests and configs")
	fs.BoolVar(&v.skim, "skim", false, "read only the layers that it takes to judge the entrypoint; ask for the others")
	fs.StringVar(&v.against, "against", "", "another `name` that must hold the same content")
	a.platformFlag(fs, "platforms to verify: os/arch[/variant], all or local (default all)")
	a.moveFlags(fs)
	a.withFlag(fs)
	return cmd
}

func (a *app) verify(ctx context.Context, args []string, v verifyFlags) error {
	a.collectEarly()
	write, err := a.verifyWriter(v.format)
	if err != nil {
		return err
	}
	o, err := a.verifyOptions(v)
	if err != nil {
		return err
	}
	names := args
	if v.against != "" {
		names = append(slices.Clone(args), v.against)
	}
	if _, err := a.refs(names...); err != nil {
		return err
	}
	var all []verified
	err = a.eachName(ctx, args, func(name string) error {
		reports, err := a.verifyName(ctx, name, v.against, o)
		all = append(all, reports...)
		return err
	})
	if err != nil && len(all) == 0 {
		return err
	}
	if perr := a.pause(func() error { return write(all) }); perr != nil || err != nil {
		return errors.Join(perr, err)
	}
	return failed(all)
}

// verified is what verify prints of one image.
type verified struct {
	*verify.Report
	Engines []verify.Engine `json:"engines,omitempty"` // of an archive: who loads it
}

// collectEarly trades a little time for memory: tables of files live long, and there
// would be as much garbage beside them before anybody collects it.
func (a *app) collectEarly() {
	if a.env.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
}

func (a *app) verifyOptions(v verifyFlags) (verify.Options, error) {
	o := verify.Options{Exactly: v.exactly, Binaries: verify.Binaries(v.binaries), Fast: v.fast, Skim: v.skim, Jobs: int(a.o.jobs), Host: arch.Host().Target()}
	if !slices.Contains([]verify.Binaries{verify.Entrypoint, verify.All, verify.None}, o.Binaries) {
		return o, &usageError{fmt.Errorf("--binaries %s: not entrypoint, all or none", ui.Quote(v.binaries))}
	}
	if v.fast && v.skim {
		return o, &usageError{errors.New("--fast reads no layer and --skim some: choose one")}
	}
	required, err := arch.ParseList(v.require)
	switch {
	case err != nil:
		return o, err
	case required.All:
		return o, &usageError{errors.New("--require all: name the platforms")}
	case v.exactly && required.IsZero():
		return o, &usageError{errors.New("--exactly goes with --require")}
	}
	o.Require = required.Wanted(o.Host)
	if o.Platforms, err = a.selection(); err != nil {
		return o, err
	}
	o.Events, err = a.events()
	return o, err
}

// verifyName verifies the image that name means, or all in an archive.
func (a *app) verifyName(ctx context.Context, name, against string, o verify.Options) (reports []verified, err error) {
	refs, err := a.refs(name)
	if err != nil {
		return nil, err
	}
	src, err := a.itself(ctx, refs[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if o.Near, err = a.near(refs[0]); err != nil {
		return nil, err
	}
	if o.Near != nil {
		defer func() { err = errors.Join(err, o.Near.Close()) }()
	}
	if err := a.checkWhole(ctx, src); err != nil {
		return nil, fmt.Errorf("verifying: %w", err)
	}
	images, err := src.Images(ctx)
	if err != nil {
		return nil, err
	}
	if against != "" {
		closer, err := a.openAgainst(ctx, against, len(images), &o)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	for _, img := range images {
		o.Reference = reference(src, img, len(images))
		r, err := verify.Run(ctx, src, img.Root, o)
		if err != nil {
			return reports, fmt.Errorf("verifying %s: %w", o.Reference, err)
		}
		reports = append(reports, verified{Report: r})
	}
	return reports, engines(ctx, src, reports)
}

// reference is how an image is called in a report.
func reference(src *open.Source, img open.Image, images int) string {
	if images > 1 && len(img.Names) > 0 {
		return img.Names[0]
	}
	return src.Ref.String()
}

// openAgainst opens the other place for the options.
func (a *app) openAgainst(ctx context.Context, name string, images int, o *verify.Options) (io.Closer, error) {
	if images > 1 {
		return nil, &usageError{fmt.Errorf("--against compares one image, there are %d", images)}
	}
	refs, err := a.refs(name)
	if err != nil {
		return nil, err
	}
	other, err := a.itself(ctx, refs[0])
	if err != nil {
		return nil, err
	}
	img, err := other.Image(ctx)
	if err != nil {
		return nil, errors.Join(err, other.Close())
	}
	o.Against, o.AgainstRoot = other, img.Root
	return other, nil
}

// engines adds to the first report who loads the archive that src is, if it is one.
func engines(ctx context.Context, src place.Source, reports []verified) error {
	all, isArchive, err := verify.Engines(ctx, src)
	if err != nil || !isArchive || len(reports) == 0 {
		return err
	}
	reports[0].Engines = all
	return nil
}

// failed is the error that ends a verification which found something.
func failed(all []verified) error {
	var bad []verified
	for _, r := range all {
		if !r.OK {
			bad = append(bad, r)
		}
	}
	switch {
	case len(bad) == 0:
		return nil
	case len(all) > 1:
		return &verifyError{fmt.Errorf("verifying: %d of %d images are not right", len(bad), len(all))}
	}
	return &verifyError{fmt.Errorf("verifying %s: %s", bad[0].Reference, summary(bad[0].Report))}
}
