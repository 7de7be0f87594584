package mirror_test

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/ref"
)

func Example() {
	f, err := mirror.Parse(strings.NewReader(`
version: 1
to: registry.local:5000/mirror
images:
  - from: alpine
    tags: {semver: ">=3.18", newest: 2}
`), "mirror.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	target, err := mirror.ParseTarget(f.To)
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := &f.Images[0]
	for _, tag := range rule.Select([]string{"3.9", "3.18", "3.19", "3.20", "edge"}) {
		to, err := target.Name(rule, ref.Name{Host: "docker.io", Repository: "library/alpine", Tag: tag})
		fmt.Println(to, err)
	}
	// Output:
	// registry.local:5000/mirror/library/alpine:3.20 <nil>
	// registry.local:5000/mirror/library/alpine:3.19 <nil>
}
