package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// problem is an error with advice.
type problem struct {
	err  error
	hint string
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// Hint says what to do about it.
func (p *problem) Hint() string { return p.hint }

// errTooLarge is why a file or an answer was not read to its end.
var errTooLarge = errors.New("it is too large")

// errNotRegular is why a file was not read: a pipe or a device may have no end.
var errNotRegular = errors.New("it is no regular file")

// readFile reads a regular file of at most maxBytes.
func readFile(path string, maxBytes int64) ([]byte, error) {
	if fi, err := os.Stat(path); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() { // to open a device may do something already
		return nil, errNotRegular
	}
	// What became a pipe since is not waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read: nothing is lost with its error
	if fi, err := f.Stat(); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() {
		return nil, errNotRegular
	}
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > maxBytes {
		return nil, fmt.Errorf("%w: over %d bytes", errTooLarge, maxBytes)
	}
	return b, nil
}

// bare drops the paths that the os package adds, where the message has them already.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}

// jsonProblem says where JSON is wrong without quoting any of it.
func jsonProblem(err error) error {
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not valid JSON at byte %d", se.Offset)
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return errors.New("unexpected kind of JSON value")
	}
	return errors.New("not valid JSON")
}

// readHint is the advice for a file that could not be read.
func readHint(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission) && runtime.GOOS == "windows":
		return "give this user access to " + path
	case errors.Is(err, fs.ErrPermission):
		return "make it this user's own: sudo chown -R \"$(id -un)\" " + ownable(path)
	case errors.Is(err, fs.ErrNotExist):
		return "log in with that file named, or leave the name out"
	default:
		return fmt.Sprintf("repair %s, or move it away and log in again", path)
	}
}

// ownable is the file, or docker's own folder: after a docker login with sudo it is often
// the folder that shuts a user out.
func ownable(path string) string {
	if dir := filepath.Dir(path); filepath.Base(dir) == ".docker" {
		return dir
	}
	return path
}
