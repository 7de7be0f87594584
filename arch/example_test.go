package arch_test

import (
	"fmt"

	"github.com/dray-oci/dray/arch"
)

func Example() {
	flag, err := arch.ParseList([]string{"linux/arm64/v8,linux/arm/v7"})
	if err != nil {
		fmt.Println(err)
		return
	}
	entries := []arch.Platform{
		{OS: "linux", Architecture: "amd64"},
		{OS: "linux", Architecture: "arm", Variant: "v6"},
		{OS: "linux", Architecture: "arm64"},
	}
	taken, err := flag.Apply(entries, arch.Host().Target())
	fmt.Println(taken, err)
	for i, want := range flag.Platforms {
		fmt.Println(arch.Match(want, entries[2-i]))
	}
	// Output:
	// [1 2] <nil>
	// exact exactly linux/arm64
	// compatible linux/arm/v6 runs on linux/arm/v7
}
