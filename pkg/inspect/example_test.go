package inspect_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/testdata"
)

func Example() {
	ctx := context.Background()
	hello, err := fs.Sub(testdata.Hello, "hello")
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "hello")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, hello); err != nil {
		panic(err)
	}
	src := ocidir.New(dir, nil)
	root, err := src.Resolve(ctx, "1.0")
	if err != nil {
		panic(err)
	}
	report, err := inspect.Look(ctx, src, root, inspect.Options{})
	if err != nil {
		panic(err)
	}
	for _, img := range report.Images {
		fmt.Println(img.Platform, len(img.Layers), "layers")
	}
	// Output:
	// linux/amd64 2 layers
	// linux/arm64 2 layers
	// linux/arm/v7 2 layers
}
