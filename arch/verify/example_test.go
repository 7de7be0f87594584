package verify_test

import (
	"context"
	"fmt"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place/mem"
)

func ExampleRun() {
	ctx, src := context.Background(), new(mem.Place)
	raw := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` +
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"os":"linux","architecture":"arm64"},"size":7,` +
		`"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}`)
	root, err := manifest.New(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := src.Put(ctx, root.Descriptor, blob.Bytes(raw)); err != nil {
		fmt.Println(err)
		return
	}
	report, err := verify.Run(ctx, src, root.Descriptor, verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.OK, report.Platforms[0].Platform, report.Platforms[0].Verdict)
	// Output: false linux/arm64 MISSING
}
