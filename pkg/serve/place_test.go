package serve_test

import (
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/ref"
)

func layoutOf(st *store.Store) layout.Dir { return layout.Dir{Path: st.Path()} }

// TestPlace holds a server and the client of registries against the contract of
// places, together.
func TestPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		h, _ := startStore(t)
		n, err := ref.ParseName(strings.TrimPrefix(h.url, "http://") + "/a/b:1.0")
		if err != nil {
			t.Fatal(err)
		}
		open := func(t *testing.T) *registry.Repo {
			c := registry.NewClient(registry.Options{})
			t.Cleanup(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			return c.Repo(n)
		}
		return placetest.Doors{
			Sink:   func(t *testing.T) place.Sink { return open(t) },
			Source: func(t *testing.T) place.Source { return open(t) },
			Name:   "1.0",
		}
	}})
}
