// Package daemon talks to a Docker engine, or to one that speaks its API, about
// the few things that carrying images needs: to load them, to save them, to
// name and to list them. Package engine makes a place of it.
//
// It speaks the Engine API (docs.docker.com/reference/api/engine) over a Unix
// socket, a named pipe, TCP with and without TLS, and ssh, and finds the engine
// as the docker command does: see [FromEnviron].
package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// An Engine is a Docker engine that answered. It is safe for concurrent use.
type Engine struct {
	endpoint *endpoint
	conns    *conns
	http     *http.Client
	version  string // of the API; empty if the engine did not say
	// keepsManifests: images live in containerd's store, which keeps manifests and
	// indexes as they are and knows an image by their digest. The classic store
	// unpacks layers, drops manifests, and knows an image by its config.
	keepsManifests bool
}

// dialTimeout bounds how long an engine may take to say that it is there.
const dialTimeout = 30 * time.Second

// Dial finds the engine and asks it how it keeps images. The error wraps
// place.ErrUnavailable if nobody answers and place.ErrDenied if the user may not
// ask. The caller closes the engine.
func Dial(ctx context.Context, o Options) (*Engine, error) {
	ep, err := o.endpoint()
	if err != nil {
		return nil, fmt.Errorf("finding the docker engine: %w", err)
	}
	e := &Engine{endpoint: ep, conns: newConns(ep.dial)}
	e.http = &http.Client{
		Transport: &http.Transport{DialContext: e.conns.dial, MaxIdleConnsPerHost: 2},
		// The API redirects nobody.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errNoAnswer)
	defer cancel()
	if err := e.greet(ctx); err != nil {
		e.Close()
		return nil, fmt.Errorf("asking the docker engine at %s: %w", ep, err)
	}
	return e, nil
}

var errNoAnswer = fmt.Errorf("%w: no answer in %s", place.ErrUnavailable, dialTimeout)

// Close ends the connections to the engine.
func (e *Engine) Close() error {
	e.http.CloseIdleConnections()
	e.conns.closeAll()
	return nil
}

// greet learns the API version and the kind of image store.
func (e *Engine) greet(ctx context.Context) error {
	resp, err := e.do(ctx, http.MethodGet, "/_ping", nil, nil)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	e.version = version(resp.Header.Get("Api-Version"))
	var info struct{ DriverStatus [][2]string }
	if err := e.getJSON(ctx, "/info", nil, &info); err != nil {
		return err
	}
	e.keepsManifests = slices.ContainsFunc(info.DriverStatus, func(s [2]string) bool {
		return s[0] == "driver-type" && strings.HasPrefix(s[1], "io.containerd.snapshotter")
	})
	return nil
}

// Traits: the classic store takes single images and drops their manifests.
func (e *Engine) Traits() place.Traits {
	if e.keepsManifests {
		return place.Traits{Kind: "docker-daemon", Sparse: true}
	}
	return place.Traits{Kind: "docker-daemon", NoIndex: true, Rewrites: true}
}

// OneImage is false: a stream may hold many.
func (e *Engine) OneImage() bool { return false }

// id returns what the engine calls an image.
func (e *Engine) id(root v1.Descriptor, config v1.Hash) string {
	if e.keepsManifests {
		return root.Digest.String()
	}
	return config.String()
}

// decodeMost bounds an answer that lists things: 16 MiB are some 50,000 images.
const decodeMost = 16 << 20

func (e *Engine) getJSON(ctx context.Context, path string, query map[string]string, into any) error {
	resp, err := e.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := readBounded(resp.Body, decodeMost)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("reading %s: %w: %w", path, place.ErrInvalid, err)
	}
	return nil
}
