package archive

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dray-oci/dray/pkg/internal/disk"
)

// A SpaceError says that a disk has too little room, before it is full.
type SpaceError struct {
	Path string // of what does not fit
	Need int64  // bytes
	Free int64  // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s needs %d more bytes, and there are %d free: %d are missing", e.Path, e.Need, e.Free, e.Need-e.Free)
}

// Hint says what to do.
func (e *SpaceError) Hint() string { return "make room on that disk, or name a place on another one" }

// A sized file is to have that many bytes.
type sized struct {
	f    *os.File
	size int64
}

// reserveSpace gives files, which lie in one folder, their sizes, and where the
// system can do that, the blocks for it, so that writing cannot run out of space in
// the middle.
func reserveSpace(files ...sized) error {
	var need int64
	for _, s := range files {
		fi, err := s.f.Stat()
		if err != nil {
			return err
		}
		need += max(0, s.size-allocated(fi))
	}
	if free, ok := disk.Free(filepath.Dir(files[0].f.Name())); ok && need > free {
		return &SpaceError{Path: files[0].f.Name(), Need: need, Free: free}
	}
	for _, s := range files {
		if err := reserve(s.f, s.size); err != nil {
			return err
		}
	}
	return nil
}
