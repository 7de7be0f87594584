//go:build !linux && !darwin && !windows

package archive

import "os"

func allocated(os.FileInfo) int64 { return 0 }
