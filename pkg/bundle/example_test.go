package bundle_test

import (
	"context"
	"fmt"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/place/mem"
)

func Example() {
	ctx := context.Background()
	here := new(mem.Place)
	var s bundle.Survey
	if root, err := here.Resolve(ctx, "app:1"); err == nil {
		_ = s.Add(ctx, here, root, "app:1")
	}
	fmt.Println(len(s.Inventory().Images), "images")
	// Output: 0 images
}
