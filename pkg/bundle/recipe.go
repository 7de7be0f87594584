package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// recipe returns what makes h, if it can be followed.
func (s *Source) recipe(h v1.Hash) (recipe, bool) {
	r, ok := s.recipes[h]
	return r, ok && s.o.Apply != nil
}

// cook opens what r makes.
func (s *Source) cook(ctx context.Context, d v1.Descriptor, r recipe, offset, length int64) (io.ReadCloser, error) {
	if d.Size != r.size {
		return nil, fmt.Errorf("making %s: the recipe is for %d bytes, not %d: %w", d.Digest, r.size, d.Size, blob.ErrMismatch)
	}
	rc, err := s.follow(ctx, d, r)
	if err != nil {
		return nil, err
	}
	if err := blob.Discard(rc, offset); err != nil {
		return nil, errors.Join(err, rc.Close())
	}
	if length < 0 {
		return rc, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(rc, length), rc}, nil
}

// follow opens what r makes from its start.
func (s *Source) follow(ctx context.Context, d v1.Descriptor, r recipe) (io.ReadCloser, error) {
	bases := make([]Blob, 0, len(r.bases))
	for _, h := range r.bases {
		bases = append(bases, s.needs[h])
	}
	rc, err := s.o.Apply(ctx, d, r.how, bases, s)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", d.Digest, err)
	}
	return rc, nil
}

// cookFile opens what r makes as a file, if it is one once it was made.
func (s *Source) cookFile(ctx context.Context, h v1.Hash, r recipe) (place.File, error) {
	rc, err := s.follow(ctx, v1.Descriptor{Digest: h, Size: r.size}, r)
	if err != nil {
		return nil, err
	}
	if f, ok := rc.(place.File); ok {
		return f, nil
	}
	return nil, errors.Join(fmt.Errorf("making %s: it is no file then: %w", h, place.ErrUnsupported), rc.Close())
}

// Bounds on recipes. Of updates that came one after the other and lie in one place, one
// may need what another makes; that may even be a recipe.
const (
	maxRecipeBases = 16  // of one: what package delta writes
	maxRecipeSteps = 8   // one upon the other
	maxRecipeWork  = 256 // to be followed for one blob, those that are needed twice counted twice
)

// checkRecipes refuses recipes that lead in a circle, or too far.
func (s *Source) checkRecipes() error {
	steps := map[v1.Hash]int{} // 0: being followed
	work := map[v1.Hash]int{}
	var follow func(h v1.Hash) (int, error)
	follow = func(h v1.Hash) (int, error) {
		r, ok := s.recipes[h]
		if !ok {
			return 0, nil
		}
		if n, seen := steps[h]; seen && n == 0 {
			return 0, fmt.Errorf("the recipe for %s takes what it makes: %w", h, place.ErrInvalid)
		} else if seen {
			return n, nil
		}
		steps[h] = 0
		most, sum := 0, 1
		for _, from := range append(r.bases[:len(r.bases):len(r.bases)], r.how.Digest) {
			n, err := follow(from)
			if err != nil {
				return 0, err
			}
			most, sum = max(most, n), sum+work[from]
		}
		if work[h] = sum; sum > maxRecipeWork {
			return 0, fmt.Errorf("%s takes more than %d recipes: %w", h, maxRecipeWork, place.ErrInvalid)
		}
		if steps[h] = most + 1; most >= maxRecipeSteps {
			return 0, fmt.Errorf("%s is made in more than %d steps: %w", h, maxRecipeSteps, place.ErrInvalid)
		}
		return steps[h], nil
	}
	for h := range s.recipes {
		if _, err := follow(h); err != nil {
			return err
		}
	}
	return nil
}
