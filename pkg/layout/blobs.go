package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// BlobPath returns where the content with digest h lies. h is a valid digest:
// hexadecimal, so that no path can hide in it.
func (d Dir) BlobPath(h v1.Hash) string {
	return filepath.Join(d.Path, "blobs", h.Algorithm, h.Hex)
}

// OpenBlob opens the content with digest h. A link or anything else that is no
// regular file is refused. It returns [place.ErrNotFound] if it is not there.
func (d Dir) OpenBlob(h v1.Hash) (*os.File, error) {
	if _, err := v1.NewHash(h.String()); err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	path := d.BlobPath(h)
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", h, place.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: %w", path, place.ErrInvalid)
	}
	return os.Open(path)
}

// HasBlob reports whether there is content of want's size under its digest.
func (d Dir) HasBlob(want v1.Descriptor) bool {
	fi, err := os.Lstat(d.BlobPath(want.Digest))
	return err == nil && fi.Mode().IsRegular() && fi.Size() == want.Size
}

// CheckBlob reads the content of want and returns an error that wraps
// [blob.ErrMismatch] if it is something else.
func (d Dir) CheckBlob(ctx context.Context, want v1.Descriptor) error {
	f, err := d.OpenBlob(want.Digest)
	if err != nil {
		return err
	}
	r := blob.Verify(f, want)
	_, err = blob.Copy(ctx, io.Discard, r)
	return errors.Join(err, r.Close())
}

// EnsureBlob is CheckBlob that does not read what is known to be right.
func (d Dir) EnsureBlob(ctx context.Context, want v1.Descriptor) error {
	fi, err := os.Lstat(d.BlobPath(want.Digest))
	if err == nil && fi.Size() == want.Size && d.Verified.Is(fi, want.Digest.String()) {
		return nil
	}
	if err := d.CheckBlob(ctx, want); err != nil {
		return err
	}
	d.Verified.Put(fi, want.Digest.String()) // of before it was read, so that no change goes unseen
	return nil
}

// PutBlob stores the content of want. What an earlier, interrupted PutBlob of the
// same digest left is continued. Two writers of one digest take turns, and the
// second finds the work done.
func (d Dir) PutBlob(ctx context.Context, want v1.Descriptor, open blob.Opener) error {
	v, err := blob.NewVerifier(want)
	if err != nil {
		return err
	}
	p := &partial{dir: d, want: want, path: d.partialPath(want.Digest)}
	unlock, err := p.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if d.HasBlob(want) && d.EnsureBlob(ctx, want) == nil {
		return nil // somebody else has put it while this one waited
	}
	err = p.fill(ctx, v, open)
	if errors.Is(err, blob.ErrMismatch) && p.resumed > 0 {
		// What was left behind, or what followed it, was not the same content: once more from the start.
		d.Events.Emit(event.Event{Kind: event.Bytes, Blob: want, N: -p.read})
		if v, err = blob.NewVerifier(want); err == nil {
			err = p.fill(ctx, v, open)
		}
	}
	if err != nil {
		return err
	}
	return p.finish()
}

func (d Dir) partialPath(h v1.Hash) string {
	return filepath.Join(d.Path, work, "partial", h.Algorithm+"-"+h.Hex)
}

// A partial is content on its way into the layout.
type partial struct {
	dir     Dir
	want    v1.Descriptor
	path    string
	resumed int64 // bytes that were there from before
	read    int64 // bytes that came now
	known   bool  // all of them are from a file that is known to hold the content
}

// lock makes this the only writer of the digest. The folder may go away between
// its making and the lock, when another writer of the layout ends.
func (p *partial) lock(ctx context.Context) (unlock func(), err error) {
	for range tries {
		if _, err = p.dir.folder(work, "partial"); err == nil {
			unlock, err = lock(ctx, flock.New(p.path+".lock", noFollow()), false)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return unlock, err
}

// fill brings the partial file to its full, verified and synced content.
func (p *partial) fill(ctx context.Context, v *blob.Verifier, open blob.Opener) (err error) {
	f, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|openNoFollow, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if errors.Is(err, blob.ErrMismatch) {
			err = errors.Join(err, os.Remove(p.path))
		}
	}()
	if p.resumed, err = p.rehash(ctx, f, v); err != nil {
		return err
	}
	if p.resumed > 0 {
		p.dir.Events.Emit(event.Event{Kind: event.Resume, Blob: p.want, N: p.resumed})
	}
	if p.resumed < p.want.Size || p.want.Size == 0 {
		if err := p.fetch(ctx, f, v, open); err != nil {
			return err
		}
	}
	if p.known {
		return f.Sync()
	}
	if err := v.Check(); err != nil {
		return err
	}
	return f.Sync()
}

// rehash takes into account what an earlier run left. More than there can be is dropped.
func (p *partial) rehash(ctx context.Context, f *os.File, v *blob.Verifier) (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !fi.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is no regular file: %w", p.path, place.ErrInvalid)
	}
	if fi.Size() > p.want.Size {
		return 0, f.Truncate(0)
	}
	return blob.Copy(ctx, v, f)
}

func (p *partial) fetch(ctx context.Context, f *os.File, v *blob.Verifier, open blob.Opener) error {
	rc, err := open(ctx, p.resumed, -1)
	if errors.Is(err, blob.ErrOffset) {
		return fmt.Errorf("%s: %w: %w", p.want.Digest, err, blob.ErrMismatch)
	}
	if err != nil {
		return err
	}
	p.read = 0
	if p.resumed == 0 {
		if err := p.take(ctx, f, v, rc); err != nil || p.known {
			return errors.Join(err, rc.Close())
		}
	}
	n, err := v.Copy(ctx, &blob.WriteBehind{File: f, Offset: p.resumed + p.read}, rc)
	p.read += n
	return errors.Join(err, rc.Close())
}

// finish gives the content its name, which lasts from the next Update on.
func (p *partial) finish() error {
	final := p.dir.BlobPath(p.want.Digest)
	if _, err := p.dir.folder("blobs", p.want.Digest.Algorithm); err != nil {
		return err
	}
	if err := os.Rename(p.path, final); err != nil {
		return err
	}
	// Whoever waits for the lock finds the content there; a new one makes a new lock.
	_ = os.Remove(p.path + ".lock")
	if fi, err := os.Lstat(final); err == nil {
		p.dir.Verified.Put(fi, p.want.Digest.String())
	}
	return nil
}

// syncBlobs makes the names of all content last.
func (d Dir) syncBlobs() error {
	for _, dir := range []string{"", "sha256", "sha512"} {
		err := syncDir(filepath.Join(d.Path, "blobs", dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncDir makes a rename in dir last. Windows has no such thing.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Walk visits the digest and size of every blob there is. Files that are no
// blobs by their name are not visited.
func (d Dir) Walk(visit func(h v1.Hash, size int64) error) error {
	for _, algorithm := range []string{"sha256", "sha512"} {
		entries, err := os.ReadDir(filepath.Join(d.Path, "blobs", algorithm))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			h, err := v1.NewHash(algorithm + ":" + e.Name())
			if err != nil {
				continue
			}
			fi, err := e.Info()
			if err != nil || !fi.Mode().IsRegular() {
				continue
			}
			if err := visit(h, fi.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveBlob removes the content with digest h. Its caller holds the lock alone.
func (d Dir) RemoveBlob(h v1.Hash) error { return os.Remove(d.BlobPath(h)) }

// RemovePartials removes what interrupted writers left, and returns how many
// bytes that were; with dryRun it only counts. Its caller holds the lock alone.
func (d Dir) RemovePartials(dryRun bool) (int64, error) {
	dir := filepath.Join(d.Path, work, "partial")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var freed int64
	for _, e := range entries {
		if fi, ierr := e.Info(); ierr == nil {
			freed += fi.Size()
		}
		if dryRun {
			continue
		}
		err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
	}
	return freed, err
}
