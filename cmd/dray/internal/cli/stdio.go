package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/far"
	"github.com/dray-oci/dray/pkg/ref"
)

// newStdio is what ssh runs on another host: no user types it.
func newStdio(a *app) *cobra.Command {
	var protocol, once bool
	cmd := &cobra.Command{
		Use:    "stdio",
		Short:  "Open places of this host for a dray at the other end of stdin and stdout",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if protocol {
				return a.streams.Lines(far.Protocol)
			}
			return a.stdio(cmd.Context(), once)
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&protocol, "protocol", false, "print which protocol is spoken, and end")
	fs.BoolVar(&once, "once", false, "remove this program, and the folder it is in, once it runs")
	a.moveFlags(fs)
	return cmd
}

func (a *app) stdio(ctx context.Context, once bool) error {
	if once {
		removeItself() // where that cannot be, who started it does
	}
	a.o.progress = "none"
	o, err := a.doorOptions()
	if err != nil {
		return err
	}
	doors := open.New(o)
	if err := a.streams.Lines(far.Protocol); err != nil {
		return err
	}
	return far.Serve(ctx, far.Stdio(io.NopCloser(a.streams.In), unclosed{a.streams.Out}), far.Options{
		Events: o.Events,
		Host:   arch.Host().Target(),
		Source: func(ctx context.Context, name string) (place.Source, string, error) {
			r, err := parseHere(name)
			if err != nil {
				return nil, "", err
			}
			src, err := doors.Source(ctx, r)
			if err != nil {
				return nil, "", err
			}
			return src, src.Name, nil
		},
		Sink: func(ctx context.Context, name, form string) (place.Sink, error) {
			r, err := parseHere(name)
			if err != nil {
				return nil, err
			}
			to := doors
			if form != "" {
				var f formFlag
				if err := f.Set(form); err != nil {
					return nil, err
				}
				with := o
				with.Form = archive.Form(f)
				to = open.New(with)
			}
			return to.Sink(ctx, r)
		},
	})
}

// unclosed is a stream that others use too.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// parseHere parses the name of a place of this host.
func parseHere(name string) (ref.Ref, error) {
	r, err := ref.Parse(name)
	if err == nil && (r.Kind == ref.SSH || r.Path == "-") {
		err = fmt.Errorf("%s is no place of this host: %w", r, place.ErrInvalid)
	}
	return r, err
}

// removeItself removes a program that was put here for one run.
func removeItself() {
	path, err := os.Executable()
	if err == nil {
		_ = errors.Join(os.Remove(path), os.Remove(filepath.Dir(path)))
	}
}
