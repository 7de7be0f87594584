package placetest

import (
	"errors"
	"testing"

	"github.com/dray-oci/dray/pkg/place"
)

// commitAll commits two images in one step, and then one with another that is not there.
func commitAll(t *testing.T, d Doors) {
	s := d.Sink(t)
	all, ok := place.As[place.Committer](s)
	if !ok || d.Source == nil {
		closed(t, s)
		t.Skip("commits one by one")
	}
	a, b, gone := Image(t, ImageSpec{}), Image(t, ImageSpec{Seed: 2}), Image(t, ImageSpec{Seed: 3})
	put(t, s, a)
	put(t, s, b)
	two := []place.Root{{Descriptor: a.Root, Names: []string{d.Name}}, {Descriptor: b.Root, Names: []string{d.Name + "b"}}}
	if err := all.CommitAll(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	half := []place.Root{{Descriptor: b.Root, Names: []string{d.Name}}, {Descriptor: gone.Root, Names: []string{d.Name + "c"}}}
	if err := all.CommitAll(t.Context(), half); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("with one that was not put: %v", err)
	}
	closed(t, s)
	src := d.Source(t)
	defer closed(t, src)
	for _, r := range two {
		if got, err := src.Resolve(t.Context(), r.Names[0]); err != nil || got.Digest != r.Descriptor.Digest {
			t.Errorf("%s is %v, %v", r.Names[0], got.Digest, err)
		}
	}
}
