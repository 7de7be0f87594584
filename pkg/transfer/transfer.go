// Package transfer copies images from any place to any place. It knows nothing
// of the places but their contract.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Request is one image that is to be copied.
type Request struct {
	Source place.Source  // stays the caller's to close
	Name   string        // what to resolve at Source, if Root is zero
	Root   v1.Descriptor // what to copy
	Names  []string      // under which it will stand at the destination
	Digest v1.Hash       // what it must be there, or nothing is written; zero: anything
}

// Options say how to copy. The zero value copies all platforms, four blobs at once.
type Options struct {
	// Platforms are those to copy; none means all of them, or with Host the host's.
	Platforms arch.Selection
	// HostByDefault makes no Platforms mean the platform Host where there are several.
	HostByDefault bool
	// Host is what "local" means, and what a sink gets that takes no index.
	Host arch.Platform
	// First is the platform named first where only one can be named, and must then be
	// there; zero means Host, or else another.
	First arch.Platform
	// Sparse keeps the bytes of an index though only some of its platforms are copied.
	Sparse bool
	// Jobs is how many blobs move at once; 0 means 4.
	Jobs   int
	Events event.Handler
}

func (o Options) jobs() int {
	if o.Jobs <= 0 {
		return 4
	}
	return o.Jobs
}

// A Result is one image that was copied.
type Result struct {
	Origin v1.Descriptor   // what the name stood for at the source
	Root   v1.Descriptor   // what stands at the destination
	Raw    []byte          // the bytes of Root
	Blobs  []v1.Descriptor // everything below Root that stands there, and Root
	Names  []string
}

// An IncompleteError says that everything was copied but the layers in Missing,
// which the source does not hold because it need not: they are foreign.
type IncompleteError struct{ Missing []v1.Descriptor }

func (e *IncompleteError) Error() string {
	d := e.Missing[0]
	return fmt.Sprintf("%d foreign layers were not copied, the first is %s from %.200q", len(e.Missing), d.Digest, d.URLs)
}

// A NameError says that two different images would stand under one name.
type NameError struct {
	Name string
	A, B v1.Hash
}

func (e *NameError) Error() string {
	return fmt.Sprintf("two images would stand under %.300q: %s and %s", e.Name, e.A, e.B)
}

// Hint says how to keep both.
func (e *NameError) Hint() string { return "give one of them another name, or write them one by one" }

// Copy copies all of reqs to dst, which stays the caller's to close, and commits
// each as its request says. Results come in the order of reqs. After an error
// nothing new stands under a name that was not committed before it; running the
// same again goes on where it stopped. The error may be an [*IncompleteError].
func Copy(ctx context.Context, dst place.Sink, reqs []Request, o Options) ([]Result, error) {
	p, err := newPlan(ctx, dst, reqs, o)
	if err != nil {
		return nil, err
	}
	todo := p.blobs
	if planner, ok := place.As[place.Planner](dst); ok {
		wanted, err := planner.Plan(ctx, p.forSink(o))
		if err != nil {
			return nil, err
		}
		todo = p.only(wanted)
		p.tellRest(wanted, o.Events)
	}
	c := &copier{dst: dst, o: o}
	if err := c.all(ctx, todo); err != nil {
		return nil, err
	}
	for _, r := range p.results {
		if err := dst.Commit(ctx, r.Root, r.Names...); err != nil {
			return nil, err
		}
		for _, name := range r.Names {
			o.Events.Emit(event.Event{Kind: event.Commit, Name: name, Blob: r.Root})
		}
	}
	if len(p.missing) > 0 {
		return p.results, &IncompleteError{p.missing}
	}
	return p.results, nil
}

// resolveAll makes a tree of every request, several at once.
func resolveAll(ctx context.Context, dst place.Sink, reqs []Request, o Options) ([]*tree, error) {
	trees, docs := make([]*tree, len(reqs)), new(atomic.Int64)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.jobs())
	for i, r := range reqs {
		g.Go(func() error {
			t, err := newTree(gctx, dst, r, o, docs)
			trees[i] = t
			return err
		})
	}
	err := g.Wait()
	if err == nil && len(reqs) == 0 {
		err = errors.New("there is nothing to copy")
	}
	return trees, err
}
