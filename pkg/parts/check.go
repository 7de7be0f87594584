package parts

import (
	"context"
	"io"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/event"
)

// checkedAtOnce bounds how many files are read at once: on a disk that turns, or a
// stick, more make it slower.
const checkedAtOnce = 4

// Check reads the set whose document is at path, parity included. What is wrong with
// it is a [*FaultsError], parts first, in order; with any other error there is no
// document. It emits Plan, and Start, Bytes and Done for each file.
func Check(ctx context.Context, path string, events event.Handler) (*Document, error) {
	s, err := load(path)
	if err != nil {
		return nil, err
	}
	return s.Document, s.Check(ctx, events)
}

// Check is [Check] for a set that is open, on which it is not safe for concurrent use.
func (s *Set) Check(ctx context.Context, events event.Handler) error {
	faults, err := s.check(ctx, events)
	if err != nil {
		return err
	}
	return s.error(faults)
}

func (s *Set) check(ctx context.Context, events event.Handler) ([]*Fault, error) {
	var total int64
	for _, m := range s.members {
		total += m.Size
	}
	events.Emit(event.Event{Kind: event.Plan, Total: total, Count: len(s.members), Text: "checked"})
	found := make([]*Fault, len(s.members))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(min(checkedAtOnce, runtime.GOMAXPROCS(0)))
	for i := range s.members {
		g.Go(func() (err error) {
			found[i], err = s.checkOne(gctx, i, events)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var faults []*Fault
	for _, f := range found {
		if f != nil {
			faults = append(faults, f)
		}
	}
	return faults, nil
}

func (s *Set) checkOne(ctx context.Context, i int, events event.Handler) (*Fault, error) {
	b := s.members[i].descriptor()
	if f := s.look(i); f != nil {
		events.Emit(event.Event{Kind: event.Skip, Blob: b, Text: f.Kind})
		return f, nil
	}
	events.Emit(event.Event{Kind: event.Start, Blob: b})
	f, err := s.verify(ctx, i, counter{b, events})
	if err == nil {
		events.Emit(event.Event{Kind: event.Done, Blob: b})
	}
	return f, err
}

// descriptor is how events call a part.
func (p Part) descriptor() v1.Descriptor {
	return v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: p.SHA256}, Size: p.Size}
}

// A counter tells how far reading has come.
type counter struct {
	blob   v1.Descriptor
	events event.Handler
}

var _ io.Writer = counter{}

func (c counter) Write(b []byte) (int, error) {
	c.events.Emit(event.Event{Kind: event.Bytes, Blob: c.blob, N: int64(len(b))})
	return len(b), nil
}
