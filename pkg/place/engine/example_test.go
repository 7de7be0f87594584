package engine_test

import (
	"context"
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/daemon"
	"github.com/dray-oci/dray/pkg/place/engine"
)

func Example() {
	ctx := context.Background()
	docker, err := daemon.Dial(ctx, daemon.Options{Host: "unix:///nowhere/docker.sock"})
	if err != nil {
		fmt.Println("no engine")
		return
	}
	sink := engine.NewSink(docker, engine.Archive{
		Write: func(w io.Writer) (place.Sink, error) { return archive.NewStream(w, archive.Options{}) },
		Read: func(ctx context.Context, r io.Reader) (place.Source, error) {
			return archive.Read(ctx, r, archive.ReadOptions{})
		},
	})
	fmt.Println(sink.Traits().Kind)
	// Output: no engine
}
