package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
)

// work is the folder, inside a layout, of locks and unfinished content. It goes
// when the last writer leaves nothing in it.
const work = ".dray"

// A Dir is a layout in a folder. All its methods are safe for concurrent use,
// also by several processes.
type Dir struct {
	Path     string
	Events   event.Handler  // may be nil
	Verified *memo.Verified // what is known of files here; may be nil
}

// Index reads the index.json. It returns [place.ErrNotFound] if there is no
// layout, and [place.ErrInvalid] if there is something else.
func (d Dir) Index() (*Index, error) {
	x, _, err := d.read()
	return x, err
}

func (d Dir) read() (*Index, []byte, error) {
	raw, err := readBounded(filepath.Join(d.Path, "index.json"), manifest.MaxIndexBytes)
	if errors.Is(err, fs.ErrNotExist) {
		fi, serr := os.Stat(d.Path)
		switch {
		case errors.Is(serr, fs.ErrNotExist):
			return nil, nil, &missingError{d.Path, serr}
		case serr == nil && !fi.IsDir():
			return nil, nil, fmt.Errorf("reading layout %s: it is a file: %w", d.Path, place.ErrInvalid)
		}
		return nil, nil, fmt.Errorf("reading layout %s: it has no index.json: %w", d.Path, place.ErrNotFound)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading layout: %w", err)
	}
	x, err := ParseIndex(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("reading layout %s: %w", d.Path, err)
	}
	return x, raw, nil
}

// Update changes the index.json under a lock: change gets the one that stands,
// or an empty one, and the result replaces it whole. If change fails, nothing does.
func (d Dir) Update(ctx context.Context, change func(*Index) error) error {
	if err := d.mark(); err != nil {
		return err
	}
	// The marker serves as the lock, so that a finished layout holds no file of ours.
	unlock, err := lock(ctx, flock.New(filepath.Join(d.Path, "oci-layout"), noFollow()), false)
	if err != nil {
		return err
	}
	defer unlock()
	x, err := d.Index()
	stands := err == nil
	if errors.Is(err, place.ErrNotFound) {
		x, err = NewIndex(), nil
	}
	if err != nil {
		return err
	}
	before, err := x.Marshal()
	if err != nil {
		return err
	}
	if err := change(x); err != nil {
		return err
	}
	raw, err := x.Marshal()
	if err != nil || stands && bytes.Equal(raw, before) {
		return err // what it says was written, and lasts, already
	}
	// Content lasts before what names it, and once for all of it: after each blob
	// it would take longer than a small blob itself.
	if err := d.syncBlobs(); err != nil {
		return err
	}
	return d.replace("index.json", raw)
}

// mark makes the folder a layout: one without images, until there is an
// index.json. The marker is never replaced: it is what writers lock, and those
// who lock two files of one name both have "the" lock.
func (d Dir) mark() error {
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return fmt.Errorf("making layout: %w", err)
	}
	path := filepath.Join(d.Path, "oci-layout")
	if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() && fi.Size() > 0 {
		return nil
	} else if err == nil && !fi.Mode().IsRegular() {
		return fmt.Errorf("making layout: %s is no regular file: %w", path, place.ErrInvalid)
	}
	// Whoever else makes it now writes the same.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("making layout: %w", err)
	}
	_, err = f.WriteString(File)
	return errors.Join(err, f.Sync(), f.Close())
}

// folder makes the folder of the layout that parts name, and refuses one that is
// a link: what is written there would land elsewhere.
func (d Dir) folder(parts ...string) (string, error) {
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return "", fmt.Errorf("making layout: %w", err)
	}
	path := d.Path
	for _, part := range parts {
		path = filepath.Join(path, part)
		if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("making layout: %w", err)
		}
		// One that is gone again was another writer's, who ended: whoever opens what is in it tries again.
		if fi, err := os.Lstat(path); err == nil && !fi.IsDir() {
			return "", fmt.Errorf("%s is no folder: %w", path, place.ErrInvalid)
		}
	}
	return path, nil
}

// tries is how often something in the work folder is begun anew because another
// writer, ending, took the empty folder away.
const tries = 10

// replace writes a file of the layout whole: by temporary name, synced, renamed.
func (d Dir) replace(name string, content []byte) error {
	f, err := d.temp(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(d.Path, name))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(d.Path, name), errors.Join(err, os.Remove(f.Name())))
	}
	return syncDir(d.Path)
}

func (d Dir) temp(name string) (f *os.File, err error) {
	for range tries {
		dir, derr := d.folder(work)
		if derr == nil {
			f, derr = os.CreateTemp(dir, name+".*")
		}
		if err = derr; !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, err
}

// Clean removes the work folder if nothing unfinished is in it.
func (d Dir) Clean() {
	for _, name := range []string{filepath.Join(work, "partial"), work} {
		// Fails where something is left, which is then wanted.
		_ = os.Remove(filepath.Join(d.Path, name))
	}
}

// Lock takes the lock that readers and writers of content share, and that
// whoever removes content holds alone. It waits until ctx ends. The returned
// function gives the lock back.
func (d Dir) Lock(ctx context.Context, alone bool) (unlock func(), err error) {
	l, err := d.contentLock()
	if err != nil {
		return nil, err
	}
	return lock(ctx, l, !alone)
}

// TryLock is Lock without waiting: ok is false if somebody else has it.
func (d Dir) TryLock(alone bool) (unlock func(), ok bool, err error) {
	l, err := d.contentLock()
	if err != nil {
		return nil, false, err
	}
	if alone {
		ok, err = l.TryLock()
	} else {
		ok, err = l.TryRLock()
	}
	return func() { _ = l.Unlock() }, ok, err
}

func (d Dir) contentLock() (*flock.Flock, error) {
	dir, err := d.folder(work)
	if err != nil {
		return nil, err
	}
	return flock.New(filepath.Join(dir, "content.lock"), noFollow()), nil
}

// lockEvery is how often a lock that somebody else holds is tried again.
const lockEvery = 50 * time.Millisecond

// noFollow opens a lock as flock does by itself, but through no link.
func noFollow() flock.Option { return flock.SetFlag(os.O_CREATE | os.O_RDONLY | openNoFollow) }

func lock(ctx context.Context, l *flock.Flock, shared bool) (unlock func(), err error) {
	if shared {
		_, err = l.TryRLockContext(ctx, lockEvery)
	} else {
		_, err = l.TryLockContext(ctx, lockEvery)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", l.Path(), err)
	}
	return func() { _ = l.Unlock() }, nil
}

// readBounded reads a regular file of at most maxBytes.
func readBounded(path string, maxBytes int64) ([]byte, error) {
	if fi, err := os.Stat(path); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() { // opening a pipe would wait for somebody to write
		return nil, fmt.Errorf("%s is no regular file: %w", path, place.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > maxBytes {
		return nil, fmt.Errorf("%s is larger than the %d bytes allowed: %w", path, maxBytes, place.ErrInvalid)
	}
	return raw, nil
}

// ResolveDigest returns the descriptor of the manifest with digest h, which may
// be one that only an index names. It reads and verifies it.
func (d Dir) ResolveDigest(ctx context.Context, h v1.Hash) (v1.Descriptor, error) {
	f, err := d.OpenBlob(h)
	if err != nil {
		return v1.Descriptor{}, err
	}
	fi, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return v1.Descriptor{}, err
	}
	want := v1.Descriptor{Digest: h, Size: fi.Size()}
	raw, err := blob.ReadAll(ctx, blob.File(d.BlobPath(h)), want, manifest.MaxBytes)
	if err != nil {
		return v1.Descriptor{}, err
	}
	doc, err := manifest.Parse(want, raw)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return doc.Descriptor, nil
}

// A missingError says that there is no layout at path.
type missingError struct {
	path string
	err  error
}

func (e *missingError) Error() string {
	return fmt.Sprintf("reading layout %s: there is no such folder", e.path)
}
func (e *missingError) Unwrap() []error { return []error{place.ErrNotFound, e.err} }
