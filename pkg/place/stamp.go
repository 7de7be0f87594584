package place

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// A Stamper tells cheaply whether its names are still what they were: without a
// list, and without a request for each.
type Stamper interface {
	// Stamp returns what equals an earlier stamp only if the names, and what they
	// stand for, are the same now as they were then.
	Stamp(ctx context.Context) (string, error)
}

// A Holder keeps something that others wait for, such as a lock, from its first
// use on. Who uses it for long gives it back in between.
type Holder interface {
	// Release gives it back; the next use takes it again. No reader is open and no
	// other method is running meanwhile.
	Release() error
}

// stampSettles is longer than the clock of any current file system takes to move on.
const stampSettles = 100 * time.Millisecond

// FileStamp is the stamp of a place whose names stand in the file at path, which
// is replaced whole when they change. While it is so new that another change might
// not show in its time, no two stamps are equal.
func FileStamp(path string) (string, error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	now := time.Now()
	stamp := fmt.Sprint(fi.ModTime().UnixNano(), " ", fi.Size(), " ", inode(fi))
	if now.Sub(fi.ModTime()) < stampSettles {
		stamp += fmt.Sprint(" ", now.UnixNano())
	}
	return stamp, nil
}
