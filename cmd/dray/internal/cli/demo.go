package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/testdata"
)

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the main job for real, on this machine alone",
		Long: `Carry a real image for three platforms from one registry to another, through a file.
Both registries run inside this process, on loopback; nothing is left behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

// A demo is one run of dray demo: two registries and a folder, which all go at its end.
type demo struct {
	*app
	dir             string
	outside, inside string // HOST:PORT
}

func (a *app) demo(ctx context.Context) (err error) {
	signal.Ignore(syscall.SIGPIPE) // a reader that goes away is an error, after which all is cleaned up
	dir, err := os.MkdirTemp("", "dray-demo-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{app: a, dir: dir}
	for _, host := range []*string{&d.outside, &d.inside} {
		addr, stop, err := embeddedRegistry()
		if err != nil {
			return err
		}
		defer stop()
		*host = addr
	}
	if err := d.run(ctx); err != nil {
		return fmt.Errorf("showing the main job: %w", err)
	}
	return nil
}

// embeddedRegistry serves an empty registry on loopback until stop is called.
func embeddedRegistry() (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with ErrServerClosed
	}()
	return l.Addr().String(), func() { _ = srv.Close(); <-done }, nil
}

func (d *demo) run(ctx context.Context) error {
	layout, err := fs.Sub(testdata.Hello, "hello")
	if err == nil {
		err = os.CopyFS(filepath.Join(d.dir, "hello"), layout)
	}
	if err != nil {
		return err
	}
	name, there := d.outside+"/demo/hello:1.0", d.inside+"/demo/hello:1.0"
	file := filepath.Join(d.dir, "hello.tar")
	d.say("An image for three platforms stands at a registry outside.")
	if err := d.do(ctx, "copy", "oci:"+filepath.Join(d.dir, "hello"), name); err != nil {
		return err
	}
	digest, err := d.ask(ctx, "digest", name)
	if err != nil {
		return err
	}
	d.say("Pull it, by its tag and by the digest that was reviewed.")
	if err := d.all(ctx, []string{"pull", name}, []string{"pull", "--platform", "all", d.outside + "/demo/hello@" + digest}); err != nil {
		return err
	}
	d.say("Save two of its platforms into one file, and look at what is in there.")
	if err := d.all(ctx,
		[]string{"save", "--platform", "linux/amd64,linux/arm64", name, "-o", file},
		[]string{"inspect", file}); err != nil {
		return err
	}
	d.say("On the other side, push the file.")
	if err := d.do(ctx, "push", file, there); err != nil {
		return err
	}
	d.say("The same digests on both sides:")
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		if err := d.same(ctx, platform, name, there); err != nil {
			return err
		}
	}
	d.say("The whole index travels with its own digest.")
	if err := d.all(ctx,
		[]string{"save", "--platform", "all", name, "-o", file},
		[]string{"push", file, there}); err != nil {
		return err
	}
	if err := d.same(ctx, "all", name, there); err != nil {
		return err
	}
	d.say("That was it. Nothing of it is left on this machine.")
	return nil
}

func (d *demo) say(text string) { _ = d.streams.Lines("", d.streams.Paint(ui.Cyan, "# "+text)) }

// same compares what the platform of two names is, and says it.
func (d *demo) same(ctx context.Context, platform, a, b string) error {
	args := func(name string) []string {
		if platform == "all" {
			return []string{"digest", name}
		}
		return []string{"digest", "--platform", platform, name}
	}
	da, err := d.ask(ctx, args(a)...)
	if err != nil {
		return err
	}
	db, err := d.ask(ctx, args(b)...)
	if err != nil {
		return err
	}
	if da != db {
		return fmt.Errorf("%s is %s outside and %s inside", platform, da, db)
	}
	return d.streams.Lines(fmt.Sprintf("%-11s  %s  outside = inside", platform, da))
}

func (d *demo) all(ctx context.Context, commands ...[]string) error {
	for _, c := range commands {
		if err := d.do(ctx, c...); err != nil {
			return err
		}
	}
	return nil
}

// do runs a command as if it was typed, and shows it.
func (d *demo) do(ctx context.Context, args ...string) error {
	if err := d.streams.Lines("$ dray " + strings.Join(args, " ")); err != nil {
		return err
	}
	return d.command(ctx, d.streams, args)
}

// ask runs a command and returns what it prints.
func (d *demo) ask(ctx context.Context, args ...string) (string, error) {
	streams, out, errs := ui.Buffers("")
	if err := d.command(ctx, streams, args); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (d *demo) command(ctx context.Context, streams *ui.Streams, args []string) error {
	env := func(key string) string {
		switch key {
		case "DRAY_HOME":
			return filepath.Join(d.dir, "home")
		case "PATH", "NO_COLOR", "TERM", "CLICOLOR_FORCE", "SystemRoot":
			return d.env.Getenv(key)
		}
		return "" // what this user has configured plays no part
	}
	if code := Main(ctx, Env{Args: args, Streams: streams, Getenv: env, Version: d.env.Version}); code != exitDone {
		return fmt.Errorf("dray %s exits with %d", strings.Join(args, " "), code)
	}
	return nil
}
