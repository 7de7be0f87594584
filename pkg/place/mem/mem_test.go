package mem_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(*testing.T) placetest.Doors {
		p := new(mem.Place)
		return placetest.Doors{
			Sink:   func(*testing.T) place.Sink { return p },
			Source: func(*testing.T) place.Source { return p },
			Name:   "example.com/a/b:1",
		}
	}})
}

func Example() {
	var p mem.Place
	raw := []byte(`{"schemaVersion":2,"manifests":[]}`)
	doc, err := manifest.New(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := p.Put(ctx, doc.Descriptor, blob.Bytes(raw)); err != nil {
		fmt.Println(err)
	}
	if err := p.Commit(ctx, doc.Descriptor, "empty"); err != nil {
		fmt.Println(err)
	}
	d, err := p.Resolve(ctx, "empty")
	fmt.Println(d.Size, err)
	// Output: 34 <nil>
}
