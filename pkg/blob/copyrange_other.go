//go:build !linux

package blob

import "os"

func copyRange(*os.File, int64, *os.File, int64) int64 { return 0 }
