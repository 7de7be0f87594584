package delta_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta"
)

func Example() {
	ctx := context.Background()
	// Two versions of a plain layer, 100 kB each.
	old := made(bytes.Repeat([]byte("some text of the layer\n"), 5000))
	layer := made(append(bytes.Repeat([]byte("some text of the layer\n"), 5000), "and one line more\n"...))

	var recipe bytes.Buffer
	if _, err := delta.Make(ctx, layer, []delta.Blob{old}, &recipe, delta.Options{}); err != nil {
		fmt.Println("carried whole:", err)
		return
	}
	var rebuilt bytes.Buffer
	base := func(delta.Base) (delta.Blob, error) { return old, nil }
	err := delta.Apply(ctx, layer.Desc, blob.Bytes(recipe.Bytes()), base, &rebuilt, delta.Options{})
	fmt.Println(rebuilt.Len(), "bytes rebuilt,", recipe.Len() < 1000, err)
	// Output: 115018 bytes rebuilt, true <nil>
}
