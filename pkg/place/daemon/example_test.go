package daemon_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/daemon"
)

func Example() {
	env := map[string]string{"DOCKER_HOST": "unix:///nowhere/docker.sock"}
	engine, err := daemon.Dial(context.Background(), daemon.FromEnviron(func(k string) string { return env[k] }, "/home/me"))
	if errors.Is(err, place.ErrUnavailable) {
		fmt.Println("no docker here")
		return
	}
	defer engine.Close()
	// Output: no docker here
}
