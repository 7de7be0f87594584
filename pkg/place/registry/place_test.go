package registry_test

import (
	"testing"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
)

func TestPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		host := serve(t, embedded())
		open := func(t *testing.T) *registry.Repo {
			return client(t, registry.Options{}).Repo(name(t, host, "a/b:1.0"))
		}
		return placetest.Doors{
			Sink:   func(t *testing.T) place.Sink { return open(t) },
			Source: func(t *testing.T) place.Source { return open(t) },
			Name:   "1.0",
		}
	}})
}
