package transfer

import (
	"context"
	"fmt"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Forecast is what a [Copy] would do.
type Forecast struct {
	Images []Planned // in the order of the requests
	Total  Amounts   // of all images
	// Sinks are what those sinks foretell that plan, in the order of the requests.
	Sinks []place.Forecast
}

// A Planned is what a [Copy] would do with one image.
type Planned struct {
	Result
	Holds         []arch.Platform // the platforms it would have there; none for what is no image
	LeftReferrers int             // how much belongs to it and would stay behind: the sink keeps no such thing
	Amounts       Amounts
}

// Amounts say what would become of content, in bytes. Bytes is the sum of the others.
type Amounts struct {
	Bytes   int64 `json:"bytes"`   // of everything
	Move    int64 `json:"move"`    // to be moved
	Resume  int64 `json:"resume"`  // an interrupted run has moved it
	Present int64 `json:"present"` // the destination has it, or whoever reads the update
	Mount   int64 `json:"mount"`   // the registry is known to have it in another repository
	Shared  int64 `json:"shared"`  // counted with an image before this one
}

func (a *Amounts) add(b Amounts) {
	a.Bytes += b.Bytes
	a.Move += b.Move
	a.Resume += b.Resume
	a.Present += b.Present
	a.Mount += b.Mount
	a.Shared += b.Shared
}

// Plan says what [Copy] would do with the same arguments. It reads what it needs to
// know what the images are made of, and asks the sinks what they have; it moves and
// writes nothing. Sinks that plan must be able to foretell, or the error wraps
// place.ErrUnsupported. The error is as that of Copy.
func Plan(ctx context.Context, dst place.Sink, reqs []Request, o Options) (*Forecast, error) {
	finder := newFinder(ctx, o)
	defer finder.close()
	p, err := newPlan(ctx, dst, reqs, o, finder)
	if err == nil {
		err = p.attachAll(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if err := p.checkThere(ctx, o, mountable); err != nil {
		return nil, err
	}
	f := &forecaster{copier: newCopier(p, o), have: map[where]bool{}, counted: map[where]bool{}, at: map[v1.Hash][]place.Sink{}}
	if err := f.run(ctx); err != nil {
		return nil, err
	}
	out := &Forecast{Sinks: f.sinks}
	for _, t := range p.trees {
		pl := Planned{Result: t.result(), Amounts: f.amounts[t]}
		if t.err == nil {
			if pl.Holds, err = t.holds(ctx); err != nil {
				return nil, err
			}
			if t.req.To.Traits().Referrers {
				t.tellOrigin(ctx, o)
			} else {
				pl.LeftReferrers = t.relatives.count(ctx)
			}
		}
		out.Images = append(out.Images, pl)
		out.Total.add(pl.Amounts)
	}
	var results []Result
	for _, img := range out.Images {
		results = append(results, img.Result)
	}
	return out, errorOf(results)
}

// attachAll adds what belongs to images, of which copying adds some on the way.
func (p *plan) attachAll(ctx context.Context, o Options) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Requests())
	for _, t := range p.trees {
		if t.err != nil {
			continue
		}
		g.Go(func() error {
			err := t.attach(gctx)
			if err != nil && o.KeepGoing && gctx.Err() == nil {
				t.fail(err, o.Events)
				err = nil
			}
			return err
		})
	}
	return g.Wait()
}

// holds returns the platforms of t.
func (t *tree) holds(ctx context.Context) ([]arch.Platform, error) {
	if len(t.platforms) > 0 {
		return t.platforms, nil
	}
	doc, err := manifest.New(t.raw)
	if err != nil {
		return nil, err
	}
	entries, err := image.Platforms(ctx, t.req.Source, doc)
	if err != nil {
		return nil, err
	}
	var all []arch.Platform
	for _, e := range entries {
		if e.Platform.OS != "" && !slices.Contains(all, e.Platform) {
			all = append(all, e.Platform)
		}
	}
	return all, nil
}

// where is content at a sink.
type where struct {
	to     place.Sink
	digest v1.Hash
}

// A forecaster goes the way of a copier, and moves nothing.
type forecaster struct {
	*copier
	sinks   []place.Forecast
	amounts map[*tree]Amounts

	mu      sync.Mutex
	have    map[where]bool           // what sinks have
	counted map[where]bool           // what an image before has
	at      map[v1.Hash][]place.Sink // where it would have been brought
}

func (f *forecaster) run(ctx context.Context) error {
	f.amounts = map[*tree]Amounts{}
	for _, b := range f.plan.batches() {
		var err error
		if _, ok := place.As[place.Planner](b.to); ok {
			err = f.planned(ctx, b)
		} else {
			err = f.ask(ctx, b)
		}
		if err != nil && (!f.o.KeepGoing || ctx.Err() != nil) {
			return err
		}
		if err != nil {
			for _, t := range b.trees {
				t.fail(err, f.o.Events)
			}
		}
	}
	// In the order in which they are committed: what a sink gets, another can mount.
	for _, t := range f.plan.trees {
		if _, ok := place.As[place.Planner](t.req.To); t.err == nil && !ok {
			f.amounts[t] = f.plain(ctx, t)
		}
	}
	return context.Cause(ctx)
}

// ask asks the sink of b what it has.
func (f *forecaster) ask(ctx context.Context, b batch) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(f.limit(b.to))
	for _, n := range b.nodes() {
		g.Go(func() error {
			has, err := b.to.Has(gctx, n.d)
			if err != nil {
				return fmt.Errorf("looking for %s: %w", n.d.Digest, err)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.have[where{b.to, n.d.Digest}] = has
			return nil
		})
	}
	return g.Wait()
}

// plain says what copier.one would do with what t is made of.
func (f *forecaster) plain(ctx context.Context, t *tree) (a Amounts) {
	to := t.req.To
	for _, n := range t.nodes {
		k := where{to, n.d.Digest}
		a.Bytes += n.d.Size
		_, shared := mountFrom(ctx, to, node{d: n.d}, f.at[n.d.Digest])
		_, mounted := mountFrom(ctx, to, n, nil)
		switch {
		case f.counted[k]:
			a.Shared += n.d.Size
			continue
		case f.have[k]:
			a.Present += n.d.Size
		case mounted != nil:
			a.Mount += n.d.Size
		case shared != nil:
			a.Shared += n.d.Size
		default:
			a.Move += n.d.Size
		}
		f.counted[k] = true
		f.at[n.d.Digest] = append(f.at[n.d.Digest], to)
	}
	return a
}

// planned asks the sink of b what it would do with all of it.
func (f *forecaster) planned(ctx context.Context, b batch) error {
	s, ok := place.As[place.Forecaster](b.to)
	if !ok {
		return fmt.Errorf("saying beforehand what %s needs: %w", b.to.Traits().Kind, place.ErrUnsupported)
	}
	fc, err := s.Forecast(ctx, b.forSink(f.o))
	if err != nil {
		return err
	}
	f.sinks = append(f.sinks, fc)
	put := map[v1.Hash]int64{} // how often it is put: some sinks take it once for each image
	for _, d := range fc.Todo {
		put[d.Digest]++
	}
	for _, t := range b.trees {
		var a Amounts
		for _, n := range t.nodes {
			a.add(f.foretold(b.to, n, put[n.d.Digest], fc))
		}
		f.amounts[t] = a
	}
	return nil
}

// foretold is what tellRest would report of n, and of its Puts.
func (f *forecaster) foretold(to place.Sink, n node, puts int64, fc place.Forecast) Amounts {
	k, size := where{to, n.d.Digest}, n.d.Size
	resumed := fc.Resumed[n.d.Digest]
	switch {
	case f.counted[k]:
		return Amounts{Bytes: size, Shared: size}
	case puts > 0:
		f.counted[k] = true
		return Amounts{Bytes: puts * size, Resume: resumed, Move: puts*size - resumed}
	case resumed > 0:
		f.counted[k] = true
		return Amounts{Bytes: size, Resume: resumed, Present: size - resumed}
	case n.raw == nil || fc.Stands || fc.Left[n.d.Digest]:
		f.counted[k] = true
		return Amounts{Bytes: size, Present: size}
	}
	f.counted[k] = true
	return Amounts{Bytes: size, Move: size}
}
