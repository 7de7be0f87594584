package ref_test

import (
	"fmt"

	"github.com/dray-oci/dray/pkg/ref"
)

func Example() {
	for _, s := range []string{"alpine:3.20", "store:ghcr.io/a/b", "oci:out:v1", "app.tar", "dir:/tmp/x"} {
		r, err := ref.Parse(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(r.Kind, r)
	}
	// Output:
	// docker docker.io/library/alpine:3.20
	// store store:ghcr.io/a/b:latest
	// oci oci:out:v1
	// path app.tar
	// parsing name "dir:/tmp/x": the scheme "dir:" is not known
}
