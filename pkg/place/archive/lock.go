package archive

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/gofrs/flock"
)

// A lock is a file that one run holds while it writes an archive. It goes with
// the run, however that ends; the file goes when the run ends by itself.
type lock struct {
	path string
	f    *flock.Flock // nil where the file system has no locks
}

// takeLock does not wait: whoever holds the lock writes what we would write.
func takeLock(path string) (*lock, error) {
	for {
		if err := notSpecial(path); err != nil {
			return nil, err
		}
		f := flock.New(path, flock.SetFlag(os.O_CREATE|openOwn), flock.SetPermissions(0o666))
		ok, err := f.TryLock()
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return &lock{path: path}, nil
		case err != nil:
			return nil, fmt.Errorf("locking: %w", err)
		case !ok:
			return nil, &pathError{"another run is writing it", "wait for it to end, or write to another file"}
		}
		// Another run may have removed the file between our opening and our locking it.
		ours, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Unlock())
		}
		if there, err := os.Lstat(path); err == nil && ours.Mode().IsRegular() && os.SameFile(ours, there) {
			return &lock{path, f}, nil
		}
		if err := f.Unlock(); err != nil {
			return nil, err
		}
	}
}

func (l *lock) release() error {
	if l.f == nil {
		return os.Remove(l.path)
	}
	if runtime.GOOS == "windows" {
		err := l.f.Unlock()
		// Fails if another run has it by now, and then removes it itself.
		_ = os.Remove(l.path)
		return err
	}
	return errors.Join(os.Remove(l.path), l.f.Unlock())
}
