package testdata_test

import (
	"encoding/json"
	"fmt"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/testdata"
)

func Example() {
	layout, err := fs.Sub(testdata.Hello, "hello")
	if err != nil {
		panic(err)
	}
	data, err := fs.ReadFile(layout, "index.json")
	if err != nil {
		panic(err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		panic(err)
	}
	for _, d := range index.Manifests {
		fmt.Println(d.MediaType, d.Annotations["org.opencontainers.image.ref.name"])
	}
	// Output: application/vnd.oci.image.index.v1+json 1.0
}
