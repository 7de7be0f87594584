package placetest

import (
	"cmp"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// forecast asks a sink that plans what it would do, holds that against what it does,
// and asks again when it is done.
func forecast(t *testing.T, d Doors) {
	c := Image(t, ImageSpec{Layers: []int{10, 200_000}})
	ask := func(s place.Sink) place.Forecast {
		f, ok := place.As[place.Forecaster](s)
		if !ok {
			closed(t, s)
			t.Skip("plans nothing, or does not say what")
		}
		got, err := f.Forecast(t.Context(), c.Plan(d.Name))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	s := d.Sink(t)
	before := ask(s)
	closed(t, s)
	absent(t, d)
	s = d.Sink(t)
	planner, _ := place.As[place.Planner](s)
	todo, err := planner.Plan(t.Context(), c.Plan(d.Name))
	if err != nil || !slices.Equal(digests(todo), digests(before.Todo)) || before.Stands {
		t.Errorf("Plan wants %v, %v; foretold were %+v", digests(todo), err, before)
	}
	closed(t, s)
	s = d.Sink(t)
	put(t, s, c, d.Name)
	closed(t, s)
	s = d.Sink(t)
	after := ask(s)
	closed(t, s)
	if after.Size != before.Size || after.Stands && len(after.Todo) > 0 {
		t.Errorf("%+v, and when it is there %+v", before, after)
	}
}

func digests(ds []v1.Descriptor) []v1.Hash {
	var all []v1.Hash
	for _, d := range ds {
		all = append(all, d.Digest)
	}
	slices.SortFunc(all, func(a, b v1.Hash) int { return cmp.Compare(a.String(), b.String()) })
	return all
}
