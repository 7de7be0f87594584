package disk_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/dray-oci/dray/pkg/internal/disk"
)

func TestFree(t *testing.T) {
	free, ok := disk.Free(t.TempDir())
	if known := runtime.GOOS == "linux" || runtime.GOOS == "darwin" || runtime.GOOS == "windows"; ok != known || ok && free <= 0 {
		t.Errorf("%d, %v", free, ok)
	}
	if free, ok := disk.Free(filepath.Join(t.TempDir(), "gone")); ok {
		t.Errorf("of a folder that is not there: %d", free)
	}
	if runtime.GOOS == "linux" { // which has no blocks at all
		if free, ok := disk.Free("/proc"); ok {
			t.Errorf("of a file system that does not say: %d", free)
		}
	}
}
