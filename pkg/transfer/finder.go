package transfer

import (
	"context"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A finder asks sources what belongs to manifests, some at a time, while the
// transfer does other things.
type finder struct {
	start func(f func(ctx context.Context)) // in the context of the whole transfer
	close func()                            // ends what is not needed any more
}

func newFinder(ctx context.Context, o Options) *finder {
	if o.NoReferrers {
		return &finder{close: func() {}}
	}
	ctx, cancel := context.WithCancel(ctx)
	slots := make(chan struct{}, o.Requests())
	var wg sync.WaitGroup
	return &finder{
		start: func(f func(ctx context.Context)) {
			wg.Go(func() {
				slots <- struct{}{} // what holds one ends with ctx
				defer func() { <-slots }()
				f(ctx)
			})
		},
		close: func() {
			cancel()
			wg.Wait()
		},
	}
}

// of returns what asks about the image of r; nil if nothing is to be asked.
func (f *finder) of(r Request) *relatives {
	if _, ok := place.As[place.Referrer](r.Source); !ok || f.start == nil {
		return nil
	}
	s := &relatives{src: r.Source, start: f.start, answers: map[v1.Hash]*answer{}}
	if n, err := ref.ParseName(r.From); err == nil {
		s.repository = n.Base().String()
	}
	return s
}

// relatives are what belongs to the manifests of one tree, as far as it is known. Nil
// relatives know nothing, and of nothing. They are not safe for concurrent use.
type relatives struct {
	src        place.Source
	repository string
	start      func(f func(ctx context.Context))
	builder    *builder // adds what is found to the tree

	answers map[v1.Hash]*answer
	carried []kinship // what is asked about, in the order in which it was visited
	depth   int       // of what is visited now: 0 is the image
	settled bool      // everything that is found is in the tree
}

// A kinship is a manifest of the tree, whose referrers belong to it.
type kinship struct {
	*answer
	subject v1.Hash
	depth   int
}

// An answer comes some time.
type answer struct {
	done chan struct{}
	list []v1.Descriptor
	err  error
}

// ask begins to find out what belongs to d.
func (r *relatives) ask(d v1.Descriptor) *answer {
	if r == nil {
		return nil
	}
	if a, ok := r.answers[d.Digest]; ok {
		return a
	}
	a := &answer{done: make(chan struct{})}
	r.answers[d.Digest] = a
	r.start(func(ctx context.Context) {
		a.list, a.err = place.Referrers(ctx, r.src, d, r.repository)
		close(a.done)
	})
	return a
}

// add is ask for a manifest that is carried.
func (r *relatives) add(d v1.Descriptor) {
	if r != nil {
		r.carried = append(r.carried, kinship{r.ask(d), d.Digest, r.depth})
	}
}

// wait returns the answer when it has come.
func (a *answer) wait(ctx context.Context) ([]v1.Descriptor, error) {
	select {
	case <-a.done:
		return a.list, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
