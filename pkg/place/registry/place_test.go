package registry_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

// embedded returns go-containerregistry's registry.
func embedded(opts ...ggcr.Option) http.Handler {
	return ggcr.New(append(opts, ggcr.Logger(log.New(io.Discard, "", 0)))...)
}

// serve serves h on loopback and returns its host.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// name parses a name at host.
func name(t testing.TB, host, rest string) ref.Name {
	t.Helper()
	n, err := ref.ParseName(host + "/" + rest)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		host := serve(t, embedded())
		open := func(t *testing.T) *registry.Repo {
			c := registry.NewClient(registry.Options{})
			t.Cleanup(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			return c.Repo(name(t, host, "a/b:1.0"))
		}
		return placetest.Doors{
			Sink:   func(t *testing.T) place.Sink { return open(t) },
			Source: func(t *testing.T) place.Source { return open(t) },
			Name:   "1.0",
		}
	}})
}
