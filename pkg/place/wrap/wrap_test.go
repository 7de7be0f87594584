package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/wrap"
)

// TestWrapped holds every wrapper, around memory, against the contract.
func TestWrapped(t *testing.T) {
	for name, around := range map[string]func(place.Source) place.Source{
		"limit": func(s place.Source) place.Source { return wrap.Limit(s, wrap.NewLimiter(1<<40)) },
		"cache": func(s place.Source) place.Source { return wrap.Cache(s, new(mem.Place)) },
		"split": func(s place.Source) place.Source { return wrap.Split(s, new(wrap.Line)) },
	} {
		t.Run(name, func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(*testing.T) placetest.Doors {
				p := new(mem.Place)
				return placetest.Doors{
					Sink:   func(*testing.T) place.Sink { return p },
					Source: func(*testing.T) place.Source { return around(p) },
					Name:   "a",
				}
			}})
		})
	}
}

func TestLimit(t *testing.T) {
	if l := wrap.NewLimiter(0); l != nil || wrap.Limit(new(mem.Place), l).(*mem.Place) == nil {
		t.Error("no limit still limits")
	}
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1 << 20}})
	p := new(mem.Place)
	if err := p.Put(t.Context(), c.Order[0], blob.Bytes(c.Bytes[c.Order[0].Digest])); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	slow := wrap.Limit(p, wrap.NewLimiter(1)) // a byte a second: more than the burst never comes
	rc, err := slow.Open(ctx, c.Order[0])
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	n, err := rc.Read(buf)
	if err != nil || n == 0 || n > 64<<10 {
		t.Errorf("the first read: %d, %v", n, err)
	}
	cancel()
	if _, err := io.ReadFull(rc, buf); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

func TestCache(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	far, near := new(mem.Place), new(mem.Place)
	for i, d := range c.Order {
		p := far
		if i == 0 {
			p = near
		}
		if err := p.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	src := wrap.Cache(far, near)
	for _, d := range c.Order {
		if _, err := blob.ReadAll(t.Context(), place.Opener(src, d), d, 1<<20); err != nil {
			t.Error(err)
		}
	}
	if l, ok := place.As[place.Lister](src); !ok || l == nil {
		t.Error("the lister behind the cache is not found")
	}
}

func ExampleCache() {
	far, near := new(mem.Place), new(mem.Place)
	src := wrap.Cache(far, near)
	_, err := src.Resolve(context.Background(), "a")
	fmt.Println(errors.Is(err, place.ErrNotFound))
	// Output: true
}
