package archive

import (
	"errors"
	"fmt"
	"os"
)

// openOurs opens a file of our own beside the archive, or makes it.
func openOurs(path string) (*os.File, error) {
	if err := notSpecial(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|openOwn, 0o666)
	if err != nil {
		return nil, err
	}
	if err := isRegular(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// notSpecial refuses links and the like where our own files should stand.
func notSpecial(path string) error {
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		return errSpecial(path)
	}
	return nil
}

// isRegular is notSpecial for what has come to be open: it may be something else.
func isRegular(f *os.File) error {
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errSpecial(f.Name())
	}
	return err
}

func errSpecial(path string) error { return fmt.Errorf("%s is no regular file", path) }
