package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is what this build of dray is; empty fields are not known.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// orDefault is the version, or what the Go toolchain knows of it.
func (v Version) orDefault() string {
	if v.Version != "" {
		return v.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func newVersion(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which version of dray this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			f, err := a.format()
			if err != nil {
				return err
			}
			v := a.env.Version
			v.Version = v.orDefault()
			v.Go, v.OS, v.Arch = runtime.Version(), runtime.GOOS, runtime.GOARCH
			if a.o.quiet && f.IsText() {
				return a.streams.Lines(v.Version)
			}
			return a.streams.Print(f, v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "dray %s (%s, %s, %s/%s)\n", v.Version, cmp.Or(v.Commit, "unknown commit"), v.Go, v.OS, v.Arch)
				return err
			})
		},
	}
	a.outputFlags(cmd.Flags(), "print only the version", Version{})
	return cmd
}
