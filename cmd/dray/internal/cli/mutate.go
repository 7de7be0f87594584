package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/open"
)

func newMutate(a *app) *cobra.Command {
	var o mutateFlags
	cmd := &cobra.Command{
		Use:   "mutate SRC -t DST",
		Short: "Change the settings of an image: env, entrypoint, labels, user, platform, times",
		Long: `Change how an image is run and what is said of it, on every platform of an index or those chosen,
without touching its layers. What is not named stays; an empty value removes: --user ''. A changed
entrypoint leaves cmd alone. Commands are JSON lists, or else lines for the shell.

--time makes rebuilds equal: files in the layers that are newer get that time, as do the image and its
history; layers without such files stay as they are.`,
		Example: `  dray mutate alpine:3.20 --entrypoint '["/bin/app"]' --cmd '' --env A=1 --unset-env B -t registry.local/app:1
  dray mutate app.tar --label org.opencontainers.image.source=https://… -t store:app:1
  dray mutate oci:in:1 --time 2026-01-01T00:00:00Z -t oci:out:1
  dray mutate registry.local/app:1 --user 1000 --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.mutate(cmd.Context(), cmd.Flags(), args[0], o)
		},
	}
	fs := cmd.Flags()
	o.settingFlags(fs)
	fs.StringVar(&o.created, "created", "", "`time` at which it was made: RFC 3339, seconds since 1970, or now")
	fs.StringVar(&o.time, "time", "", "`time` that nothing in it may be newer than, also files in layers")
	fs.StringVar(&o.setPlatform, "set-platform", "", "`platform` that it is for: os/arch[/variant]")
	fs.StringArrayVar(&o.annotations, "annotation", nil, "annotation to set, of the manifests and the index: `NAME=VALUE`")
	fs.StringArrayVar(&o.unsetAnnotations, "unset-annotation", nil, "`name` of an annotation to remove")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only print what would change, before and after")
	a.editFlags(fs, &o.editFlags, "change")
	return cmd
}

type mutateFlags struct {
	editFlags
	env, unsetEnv, labels, unsetLabels []string
	ports, unsetPorts                  []string
	volumes, unsetVolumes, change      []string
	entrypoint, cmd, user, workdir     string
	stopSignal, healthcheck, author    string
	annotations, unsetAnnotations      []string
	created, time, setPlatform         string
	dryRun                             bool
}

// settingFlags are one for each setting.
func (o *mutateFlags) settingFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.env, "env", nil, "environment variable to set: `NAME=VALUE`")
	fs.StringArrayVar(&o.unsetEnv, "unset-env", nil, "`name` of an environment variable to remove")
	fs.StringArrayVar(&o.labels, "label", nil, "label to set: `NAME=VALUE`")
	fs.StringArrayVar(&o.unsetLabels, "unset-label", nil, "`name` of a label to remove")
	fs.StringVar(&o.entrypoint, "entrypoint", "", "`command`, a JSON list or a line for the shell")
	fs.StringVar(&o.cmd, "cmd", "", "`command` or arguments of the entrypoint, a JSON list or a line for the shell")
	fs.StringVar(&o.user, "user", "", "`user[:group]` to run as")
	fs.StringVar(&o.workdir, "workdir", "", "`folder` to start in")
	fs.StringArrayVar(&o.ports, "expose", nil, "`port[/protocol]` to add")
	fs.StringArrayVar(&o.unsetPorts, "unset-expose", nil, "`port[/protocol]` to remove")
	fs.StringArrayVar(&o.volumes, "volume", nil, "`path` of a volume to add")
	fs.StringArrayVar(&o.unsetVolumes, "unset-volume", nil, "`path` of a volume to remove")
	fs.StringVar(&o.stopSignal, "stop-signal", "", "`signal` that ends it")
	fs.StringVar(&o.healthcheck, "healthcheck", "", "`command` that says whether it is well, a JSON list or a line for the shell; NONE for none")
	fs.StringVar(&o.author, "author", "", "`name` of who made it")
	fs.StringArrayVar(&o.change, "change", nil, "`instruction` of a Dockerfile, as docker commit takes them")
}

func (a *app) mutate(ctx context.Context, fs *pflag.FlagSet, from string, flags mutateFlags) error {
	o, err := flags.options(fs)
	if err != nil {
		return err
	}
	make := func(b *layers.Bench, img open.Image, _ *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		o.EditOptions = eo
		return b.Mutate(ctx, img.Root, o)
	}
	if flags.dryRun {
		return a.dryRun(ctx, from, flags, make)
	}
	return a.edit(ctx, from, flags.editFlags, func(b *layers.Bench, img open.Image, src *open.Source, eo layers.EditOptions) (*layers.Result, error) {
		res, err := make(b, img, src, eo)
		if err == nil && !a.o.quiet {
			err = a.pause(func() error { return writeSettings(a.streams.Err, res) })
		}
		return res, err
	})
}

// dryRun prints what would change, and writes nothing.
func (a *app) dryRun(ctx context.Context, from string, flags mutateFlags, make maker) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	if flags.to != "" {
		return &usageError{errors.New("give -t or --dry-run, not both")}
	}
	if flags.verify {
		return &usageError{errors.New("--verify judges what is written, and --dry-run writes nothing")}
	}
	refs, err := a.refs(from)
	if err != nil {
		return err
	}
	a.o.progress = "none"
	return a.onBench(ctx, refs[0], flags.editFlags, make, func(_ *layers.Bench, _ open.Image, res *layers.Result) error {
		return ui.PrintList(a.streams, f, append([]layers.Change{}, res.Changes...), func(w io.Writer) error { return writeSettings(w, res) })
	})
}

// writeSettings writes which settings are others, platform by platform.
func writeSettings(w io.Writer, res *layers.Result) error {
	var f facts
	for _, c := range res.Changes {
		var lines []string
		for _, s := range c.Settings {
			lines = append(lines, changeText(s))
		}
		f.add(c.What, lines...)
	}
	return ui.Table(w, nil, f.rows)
}

// options are the flags as package layers takes them. Those that were given, and are
// empty, remove.
func (o *mutateFlags) options(fs *pflag.FlagSet) (m layers.MutateOptions, err error) {
	if m.Edit, err = o.edit(fs); err != nil {
		return m, err
	}
	for _, kv := range o.annotations {
		if i := strings.Index(kv, "="); i <= 0 {
			return m, &usageError{fmt.Errorf("--annotation %q: write NAME=VALUE", kv)}
		}
	}
	m.Annotations, m.UnsetAnnotations = o.annotations, o.unsetAnnotations
	if o.time != "" {
		at, err := parseTime(o.time)
		if err != nil {
			return m, err
		}
		m.Time = &at
	}
	if m.Edit.IsZero() && len(m.Annotations)+len(m.UnsetAnnotations) == 0 && m.Time == nil {
		return m, &usageError{errors.New("say what to change: --env, --entrypoint, --label, …")}
	}
	return m, nil
}

func (o *mutateFlags) edit(fs *pflag.FlagSet) (e settings.Edit, err error) {
	for flag, list := range map[string][]string{"env": o.env, "label": o.labels} {
		for _, kv := range list {
			if i := strings.Index(kv, "="); i <= 0 {
				return e, &usageError{fmt.Errorf("--%s %q: write NAME=VALUE", flag, kv)}
			}
		}
	}
	for _, line := range o.change {
		if err := e.ParseChange(line); err != nil {
			return e, &usageError{fmt.Errorf("--change: %w", err)}
		}
	}
	e.Env, e.UnsetEnv = append(e.Env, o.env...), o.unsetEnv
	e.Labels, e.UnsetLabels = append(e.Labels, o.labels...), o.unsetLabels
	for _, p := range o.ports {
		e.Ports = append(e.Ports, settings.Port(p))
	}
	for _, p := range o.unsetPorts {
		e.UnsetPorts = append(e.UnsetPorts, settings.Port(p))
	}
	e.Volumes, e.UnsetVolumes = append(e.Volumes, o.volumes...), o.unsetVolumes
	o.given(fs, &e)
	if o.setPlatform != "" {
		p, err := arch.Parse(o.setPlatform)
		if err != nil {
			return e, err
		}
		e.Platform = &p
	}
	if o.created != "" {
		at, err := parseTime(o.created)
		if err != nil {
			return e, err
		}
		e.Created = &at
	}
	return e, nil
}

// given takes the flags that were given, be they empty.
func (o *mutateFlags) given(fs *pflag.FlagSet, e *settings.Edit) {
	if fs.Changed("entrypoint") {
		words := settings.Command(o.entrypoint)
		e.Entrypoint = &words
	}
	if fs.Changed("cmd") {
		words := settings.Command(o.cmd)
		e.Cmd = &words
	}
	if fs.Changed("user") {
		e.User = &o.user
	}
	if fs.Changed("workdir") {
		e.WorkingDir = &o.workdir
	}
	if fs.Changed("stop-signal") {
		e.StopSignal = &o.stopSignal
	}
	if fs.Changed("author") {
		e.Author = &o.author
	}
	if fs.Changed("healthcheck") {
		e.Healthcheck = settings.Healthcheck(o.healthcheck)
	}
}
