package archive_test

import (
	"bytes"
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
)

func Example() {
	ctx := context.Background()
	root, err := manifest.New([]byte(`{"schemaVersion":2,"manifests":[]}`))
	if err != nil {
		fmt.Println(err)
		return
	}

	var file bytes.Buffer
	w, err := archive.NewStream(&file, archive.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	todo, err := w.Plan(ctx, place.Plan{
		Roots: []place.Root{{Descriptor: root.Descriptor, Names: []string{"example.com/empty:1"}}},
		Blobs: []v1.Descriptor{root.Descriptor},
		Docs:  map[v1.Hash][]byte{root.Descriptor.Digest: root.Raw},
	})
	fmt.Println(len(todo), "to put,", err)
	fmt.Println(w.Commit(ctx, root.Descriptor, "example.com/empty:1"))

	a, err := archive.Read(ctx, &file, archive.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	d, err := a.Resolve(ctx, "")
	fmt.Println(d.Digest == root.Descriptor.Digest, err)
	// Output:
	// 0 to put, <nil>
	// <nil>
	// true <nil>
}
