//go:build unix

package config

import (
	"errors"
	"os"
	"syscall"
)

// keepOwner gives the file the owner of the one it will replace, so that a login with sudo
// does not shut the user out. Only root can, and it is no loss where nothing changes, so the
// error is dropped.
func keepOwner(f *os.File, path string) {
	old, err := os.Stat(path)
	if err != nil {
		return
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid))
	}
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
