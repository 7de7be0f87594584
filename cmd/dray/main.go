// Command dray works on container images without a daemon.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/dray-oci/dray/cmd/dray/internal/cli"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
)

// Set when a release is built.
var version, commit, date string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks twice does not want to wait
	code := cli.Main(ctx, cli.Env{
		Args:    os.Args[1:],
		Streams: ui.System(os.Getenv),
		Getenv:  os.Getenv,
		Version: cli.Version{Version: version, Commit: commit, Date: date},
	})
	stop()
	os.Exit(code)
}
