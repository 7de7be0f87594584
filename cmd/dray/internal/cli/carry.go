package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// A carriage brings images from where they are named to where they go.
type carriage struct {
	lines  []namedLine
	to     way
	o      transfer.Options
	strict bool // a tag that has moved is an error: --check-tag
	// narrow says of an image without platforms whether this host's alone is meant
	// where there are several; nil: as o says.
	narrow func(l namedLine, root v1.Hash) bool
}

// A parcel is one image on its way to one place.
type parcel struct {
	line namedLine
	end  end
	req  transfer.Request
	res  transfer.Result
	err  error // why it has not arrived
}

// moved is how p is printed after it has arrived.
func (p parcel) moved() []moved { return movedOf(p.end.sink.Ref, []transfer.Result{p.res}) }

// A mover moves what reqs say, as [transfer.Copy] does.
type mover func(ctx context.Context, reqs []transfer.Request, o transfer.Options) ([]transfer.Result, error)

// carry has move do what c says. With c.o.KeepGoing parcels have errors of their own.
func (a *app) carry(ctx context.Context, c carriage, move mover) (parcels []parcel, err error) {
	defer func() { err = errors.Join(err, c.to.close()) }()
	srcs := &sources{a: a}
	defer func() { err = errors.Join(err, srcs.close()) }()
	if parcels, err = a.pack(ctx, c, srcs); err != nil {
		return nil, err
	}
	var before []standing
	if !a.planning {
		if before, err = a.standing(ctx, c, parcels); err != nil {
			return nil, err
		}
	}
	var reqs []transfer.Request
	for _, p := range parcels {
		if p.err == nil {
			reqs = append(reqs, p.req)
		}
	}
	lean(reqs)
	if len(reqs) == 0 {
		return parcels, nil
	}
	results, err := move(ctx, reqs, c.o)
	if isFatal(err) {
		return nil, err
	}
	i := 0
	for n := range parcels {
		if p := &parcels[n]; p.err == nil {
			p.res, p.err = results[i], results[i].Err
			i++
		}
	}
	if a.planning {
		return parcels, nil
	}
	a.warnNarrowed(ctx, parcels, before)
	return parcels, a.receipt.arrived(ctx, parcels)
}

// isFatal reports whether err means that there are no results.
func isFatal(err error) bool {
	return err != nil && !as[*transfer.IncompleteError](err) && !as[*transfer.FailedError](err)
}

// pack finds out which images the lines name, several at once, and then where each
// of them goes.
func (a *app) pack(ctx context.Context, c carriage, srcs *sources) ([]parcel, error) {
	found := make([][]parcel, len(c.lines))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Requests())
	for i, l := range c.lines {
		g.Go(func() (err error) {
			found[i], err = a.find(gctx, c, srcs, l)
			if err != nil && c.o.KeepGoing && gctx.Err() == nil {
				found[i], err = []parcel{a.lose(c, parcel{line: l}, err)}, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var parcels []parcel
	for _, line := range found {
		for _, p := range line {
			sent, err := p.send(ctx, c.to)
			if err != nil && c.o.KeepGoing && !as[*transfer.NameError](err) {
				sent, err = []parcel{a.lose(c, p, err)}, nil
			}
			if err != nil {
				return nil, err
			}
			parcels = append(parcels, sent...)
		}
	}
	a.warnIdle(c.to.maps(), parcels)
	return parcels, nil
}

// lose says at once that p does not go, if there are others: the last word says it too.
func (a *app) lose(c carriage, p parcel, err error) parcel {
	p.err = err
	if len(c.lines) == 1 {
		return p
	}
	a.handle(event.Event{Kind: event.Warn, Name: p.line.Name, Text: displayName(p.line.from) + " is left out", Err: err, Hint: ui.Hint(err)})
	return p
}

// find returns the images that l names.
func (a *app) find(ctx context.Context, c carriage, srcs *sources, l namedLine) ([]parcel, error) {
	if err := a.checkTag(ctx, l.from, c.strict); err != nil {
		return nil, err
	}
	src, err := srcs.open(ctx, l.from)
	if err != nil {
		return nil, err
	}
	images := src.Images
	if !c.to.takesAll() {
		images = func(ctx context.Context) ([]open.Image, error) {
			img, err := src.Image(ctx)
			return []open.Image{img}, err
		}
	}
	all, err := images(ctx)
	if err != nil {
		return nil, err
	}
	if l.As != "" && len(all) > 1 {
		return nil, &usageError{fmt.Errorf("as=%s: there are %d images in %s", l.As, len(all), l.from)}
	}
	parcels := make([]parcel, 0, len(all))
	for _, img := range all {
		platforms := l.Platforms
		if c.narrow != nil && platforms.IsZero() && c.o.Platforms.IsZero() {
			platforms = arch.Selection{All: !c.narrow(l, img.Root.Digest)}
		}
		req := transfer.Request{Source: src, Name: displayName(l.from), Root: img.Root, From: first(img.Names, ""), Names: img.Names, Platforms: platforms}
		if img.Root.Digest.Hex == "" {
			req.Name = first(img.Names, req.Name)
		}
		parcels = append(parcels, parcel{line: l, req: req})
	}
	return parcels, nil
}

// send is p to each of the ends that it goes to.
func (p parcel) send(ctx context.Context, to way) ([]parcel, error) {
	if p.err != nil {
		return []parcel{p}, nil
	}
	ends, err := to.ends(ctx, open.Image{Root: p.req.Root, Names: p.req.Names}, p.line.As)
	if err != nil {
		return nil, err
	}
	var all []parcel
	for _, e := range ends {
		p.end = e
		p.req.To, p.req.Names, p.req.Digest = e.sink.Sink, e.names, e.digest
		all = append(all, p)
	}
	return all, nil
}

// sources are the places that a carriage takes images from. What lies in the same
// archive, layout or store is opened once.
type sources struct {
	a *app

	mu     sync.Mutex
	opened []*open.Source
	places []*open.Source // those of opened that others may share
}

// open opens r, which stays the sources' to close.
func (s *sources) open(ctx context.Context, r ref.Ref) (*open.Source, error) {
	doors, err := s.a.open()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.places {
		if src, ok := p.At(r); ok {
			return src, nil
		}
	}
	src, err := doors.Source(ctx, r)
	if err != nil {
		return nil, err
	}
	s.opened = append(s.opened, src)
	if _, ok := src.At(r); ok {
		s.places = append(s.places, src)
	}
	return src, nil
}

func (s *sources) close() error {
	var errs []error
	for _, src := range s.opened {
		errs = append(errs, src.Close())
	}
	return errors.Join(errs...)
}
