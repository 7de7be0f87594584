package bundle

import (
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// Options say what an update leaves out. The zero value leaves out nothing.
type Options struct {
	// Have is what the other side has; nil: nothing.
	Have *Have
	// Planned, if it is set, hears what the update is, before anything is written.
	Planned func(Summary)
	// Recipe, if it is set, is asked for each blob that would travel whole, one after
	// the other. It returns nil where that is best.
	Recipe func(ctx context.Context, want Wanted) (*Recipe, error)
	// Likely, if it is set, is asked by Forecast instead of Recipe whether a blob may
	// travel as a recipe. It reads no layer.
	Likely func(ctx context.Context, want Wanted) (bool, error)
	// Exact has Forecast ask Recipe nonetheless.
	Exact bool
}

// Wanted is a blob that the other side lacks.
type Wanted struct {
	Blob // DiffID is set where the config of the image says it
	Open blob.Opener
	Have *Have

	origins []origin
}

// A Recipe tells the other side how to make a blob of what it has. It has been
// applied and found right.
type Recipe struct {
	Descriptor v1.Descriptor // of the recipe; no MediaType means RecipeType
	Open       blob.Opener
	Bases      []v1.Hash // what it takes, all of it in Have
}

// A Summary says what an update carries of what its images are made of. Blobs
// that several images share count once.
type Summary struct {
	Images                 int
	Blobs, Carried, Needed int
	Bytes, CarriedBytes    int64
	NeededBytes            int64

	There        int   // blobs that need not travel
	ThereBytes   int64 // of them
	Recipes      int   // of Carried: blobs that travel as recipes
	RecipesBytes int64 // of the recipes, each blob's
	RecipesFor   int64 // bytes that they make
	Likely       int   // of Carried: blobs that may turn out to travel as recipes
	LikelyBytes  int64 // of them, whole
}

// A Sink writes an update into an archive. Each image travels as an artifact (see
// docs/formats.md) with all of its manifests, and of the rest what the other side
// lacks. It is as safe for concurrent use as the sink inside.
type Sink struct {
	place.Sink
	o   Options
	ask func(context.Context, Wanted) (*Recipe, error) // for a recipe, from outside

	artifacts map[v1.Hash]v1.Descriptor // by the root of the image
	left      map[v1.Hash]bool          // what is not put

	mu      sync.Mutex
	asked   map[v1.Hash]*Recipe // by the blob that they are for; nil: it travels whole
	recipes map[v1.Hash]*Recipe // by their own digest: to be put from here
	order   []v1.Descriptor     // what inside wants, if it wants it in order
}

var (
	_ place.Sink       = (*Sink)(nil)
	_ place.Planner    = (*Sink)(nil)
	_ place.Forecaster = (*Sink)(nil)
)

// NewSink returns a sink around inside, which must be a [place.Planner] that takes
// any content: an archive in the form of OCI.
func NewSink(inside place.Sink, o Options) (*Sink, error) {
	if _, ok := place.As[place.Planner](inside); !ok || inside.Traits().Rewrites {
		return nil, fmt.Errorf("writing update: %s takes none: %w", inside.Traits().Kind, place.ErrUnsupported)
	}
	if o.Have == nil {
		o.Have = NewHave()
	}
	s := &Sink{Sink: inside, o: o, ask: o.Recipe, asked: map[v1.Hash]*Recipe{}}
	if o.Recipe != nil {
		s.o.Recipe = s.remember
	}
	return s, nil
}

// remember asks for each blob once, however often there is a new plan.
func (s *Sink) remember(ctx context.Context, want Wanted) (*Recipe, error) {
	if r, ok := s.asked[want.Digest]; ok {
		return r, nil
	}
	r, err := s.ask(ctx, want)
	if err == nil {
		s.asked[want.Digest] = r
	}
	return r, err
}

// Unwrap lets [place.As] look through.
func (s *Sink) Unwrap() place.Sink { return s.Sink }

// Plan takes out what the other side has, and tells the sink inside of the rest.
func (s *Sink) Plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	d := newDraft(p, s.o)
	if err := d.fill(ctx); err != nil {
		return nil, fmt.Errorf("writing update: %w", err)
	}
	s.artifacts, s.left, s.recipes = d.artifacts, d.left, d.made
	if s.o.Planned != nil {
		s.o.Planned(d.summary)
	}
	inside, _ := place.As[place.Planner](s.Sink)
	wanted, err := inside.Plan(ctx, d.out)
	if err != nil || len(s.recipes) == 0 {
		return wanted, err
	}
	if s.Traits().Puts == 1 {
		s.order = wanted
		return wanted, nil
	}
	for _, w := range wanted {
		if err := s.putRecipe(ctx, w); err != nil {
			return nil, err
		}
	}
	return wanted, nil
}

// Forecast says what Plan would do. Unless that is to be exact, it is as if no blob
// travelled as a recipe, since to make one layers are read: then, all of it is an upper
// bound.
func (s *Sink) Forecast(ctx context.Context, p place.Plan) (place.Forecast, error) {
	inside, ok := place.As[place.Forecaster](s.Sink)
	if !ok {
		return place.Forecast{}, fmt.Errorf("writing update: %s does not foretell: %w", s.Traits().Kind, place.ErrUnsupported)
	}
	o := s.o
	if !o.Exact {
		o.Recipe = nil
	}
	d := newDraft(p, o)
	if err := d.fill(ctx); err != nil {
		return place.Forecast{}, fmt.Errorf("writing update: %w", err)
	}
	if o.Planned != nil {
		o.Planned(d.summary)
	}
	f, err := inside.Forecast(ctx, d.out)
	f.Left, f.AtMost = d.left, f.AtMost || s.o.Recipe != nil && !o.Exact && (o.Likely == nil || d.summary.Likely > 0)
	return f, err
}

// putRecipe puts w if it is a recipe: those come from nowhere but here.
func (s *Sink) putRecipe(ctx context.Context, w v1.Descriptor) error {
	r, ok := s.recipes[w.Digest]
	if !ok {
		return nil
	}
	if err := s.Sink.Put(ctx, w, r.Open); err != nil {
		return fmt.Errorf("writing recipe %s: %w", w.Digest, err)
	}
	return nil
}

// Has is true for what travels as something else, or not at all.
func (s *Sink) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	if s.left[d.Digest] {
		return true, nil
	}
	return s.Sink.Has(ctx, d)
}

// Put puts d, and before it what has its turn.
func (s *Sink) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	if s.left[d.Digest] {
		return nil
	}
	s.mu.Lock()
	err := s.catchUp(ctx, d.Digest)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Sink.Put(ctx, d, open)
}

// catchUp puts the recipes that come before h in the order of the sink inside.
func (s *Sink) catchUp(ctx context.Context, h v1.Hash) error {
	for len(s.order) > 0 {
		next := s.order[0]
		if next.Digest == h {
			s.order = s.order[1:]
			return nil
		}
		if s.recipes[next.Digest] == nil {
			return nil // it is put again
		}
		if err := s.putRecipe(ctx, next); err != nil {
			return err
		}
		s.order = s.order[1:]
	}
	return nil
}

// Commit makes the artifact of root stand under names that are no names of images.
func (s *Sink) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	a, ok := s.artifacts[root.Digest]
	if !ok {
		return fmt.Errorf("writing update: %s is not in the plan: %w", root.Digest, place.ErrUnsupported)
	}
	s.mu.Lock()
	err := s.catchUp(ctx, v1.Hash{})
	s.mu.Unlock()
	return errors.Join(err, s.Sink.Commit(ctx, a, updateNames(names)...))
}

func updateNames(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, n+updateSuffix)
	}
	return out
}
