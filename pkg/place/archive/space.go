package archive

import (
	"fmt"
	"os"
	"path/filepath"
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

// reserveSpace gives f its size, and where the system can do that, the blocks for
// it, so that writing cannot run out of space in the middle.
func reserveSpace(f *os.File, size int64) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	need := size - allocated(fi)
	if free, ok := freeSpace(filepath.Dir(f.Name())); ok && need > free {
		return &SpaceError{Path: f.Name(), Need: need, Free: free}
	}
	return reserve(f, size)
}
