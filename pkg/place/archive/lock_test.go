package archive

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

// A link that stands where one of our own files should is not written through,
// also if it came after somebody looked.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	if _, err := takeLock(link); err == nil {
		t.Error("a lock is taken through a link")
	}
	if _, err := openOurs(link); err == nil {
		t.Error("a file is opened through a link")
	}
	if _, err := openJournal(link, "x", true); err == nil {
		t.Error("a journal is opened through a link")
	}
	if openOwn != 0 {
		if ok, err := flock.New(link, flock.SetFlag(os.O_CREATE|openOwn)).TryLock(); ok || err == nil {
			t.Errorf("unlooked at, a lock is taken through a link: %v", err)
		}
		if f, err := os.OpenFile(link, os.O_RDWR|os.O_CREATE|openOwn, 0o666); err == nil {
			t.Error("unlooked at, a file is opened through a link", f.Close())
		}
	}
	if _, err := os.Lstat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the link leads to is made: %v", err)
	}
}
