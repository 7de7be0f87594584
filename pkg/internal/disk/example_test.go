package disk_test

import (
	"fmt"

	"github.com/dray-oci/dray/pkg/internal/disk"
)

func Example() {
	if free, ok := disk.Free("."); ok && free < 1<<20 {
		fmt.Println("less than a MiB is left here")
	}
}
