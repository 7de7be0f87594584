package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/dray-oci/dray/pkg/blob"
)

// An uploadTable holds the uploads that are not complete.
type uploadTable struct {
	limits UploadLimits
	now    func() time.Time
	grace  time.Duration // for whoever has the turn of an upload that somebody else wants

	mu    sync.Mutex
	byID  map[string]*upload
	bytes int64 // of all of them
}

// An upload is content on its way in, in a temporary file. Who has its turn may
// use the fields.
type upload struct {
	id, repository string
	table          *uploadTable
	turn           chan struct{} // holds one token, unless somebody has it
	file           *os.File
	named          bool // the file has a name that has to be removed
	size           int64
	gone           bool

	touched time.Time // guarded by the table

	mu  sync.Mutex
	cut func() // ends the request that has the turn; nil if there is none
}

// cutAfter is longer than it takes to read what has arrived of a connection that broke.
const cutAfter = 2 * time.Second

func newUploadTable(o Options) *uploadTable {
	return &uploadTable{limits: o.Uploads, now: o.Now, grace: cutAfter, byID: map[string]*upload{}}
}

// begin returns a new, empty upload.
func (t *uploadTable) begin(repository string) (*upload, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.byID) >= t.limits.Most {
		return nil, faultf(http.StatusTooManyRequests, tooManyRequests, "there are %d uploads already", len(t.byID))
	}
	f, err := os.CreateTemp(t.limits.TempDir, "dray-upload-*")
	if err != nil {
		return nil, fmt.Errorf("beginning an upload: %w", err)
	}
	u := &upload{id: rand.Text(), repository: repository, table: t, turn: make(chan struct{}, 1), file: f, named: true, touched: t.now()}
	if runtime.GOOS != "windows" { // so that it is gone whatever becomes of us
		u.named = os.Remove(f.Name()) != nil
	}
	u.turn <- struct{}{}
	t.byID[u.id] = u
	return u, nil
}

// take returns the upload, which is the caller's until it gives it back. A request
// that goes on reading into it is cut off: its connection has broken without a
// word, or its client would not ask for more.
func (t *uploadTable) take(ctx context.Context, rt route, cut func()) (*upload, error) {
	t.mu.Lock()
	u := t.byID[rt.id]
	t.mu.Unlock()
	if u == nil || u.repository != rt.repository {
		return nil, errNoUpload()
	}
	if err := u.wait(ctx); err != nil {
		return nil, err
	}
	if u.gone {
		u.turn <- struct{}{}
		return nil, errNoUpload()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut = cut
	return u, nil
}

// wait waits for the turn.
func (u *upload) wait(ctx context.Context) error {
	grace := time.NewTimer(u.table.grace)
	defer grace.Stop()
	for {
		select {
		case <-u.turn:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-grace.C:
			u.interrupt()
		}
	}
}

// interrupt cuts off whoever has the turn, if there is something to cut.
func (u *upload) interrupt() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cut != nil {
		u.cut()
	}
}

func errNoUpload() error {
	return faultf(http.StatusNotFound, blobUploadUnknown, "there is no such upload, or not any more")
}

// settle lets nobody cut in any more: all has come, and is being stored.
func (u *upload) settle() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut = nil
}

// give gives the upload back.
func (u *upload) give() {
	u.settle()
	u.table.touch(u)
	u.turn <- struct{}{}
}

func (t *uploadTable) touch(u *upload) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u.touched = t.now()
}

// reserve makes room for n more bytes, or gives it back.
func (t *uploadTable) reserve(n int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > 0 && t.bytes > t.limits.Bytes-n {
		return faultf(http.StatusInsufficientStorage, tooManyRequests, "there is no room for more uploads: %d bytes are the most", t.limits.Bytes)
	}
	t.bytes += n
	return nil
}

// Write appends to the upload.
func (u *upload) Write(p []byte) (int, error) {
	if err := u.table.reserve(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := u.file.WriteAt(p, u.size)
	u.size += int64(n)
	_ = u.table.reserve(int64(n - len(p))) // gives back, which never fails
	if errors.Is(err, syscall.ENOSPC) {
		return n, faultf(http.StatusInsufficientStorage, tooManyRequests, "the disk is full")
	}
	return n, err
}

// opener opens what has come.
func (u *upload) opener() blob.Opener {
	return func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		if offset < 0 || offset > u.size {
			return nil, blob.ErrOffset
		}
		if rest := u.size - offset; length < 0 || length > rest {
			length = rest
		}
		return io.NopCloser(io.NewSectionReader(u.file, offset, length)), nil
	}
}

// drop ends the upload. The caller has its turn, and gives it back.
func (u *upload) drop() error {
	t := u.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if u.gone {
		return nil
	}
	u.gone = true
	delete(t.byID, u.id)
	t.bytes -= u.size
	err := u.file.Close()
	if u.named {
		err = errors.Join(err, os.Remove(u.file.Name()))
	}
	return err
}

// sweep drops what nobody has touched for long.
func (t *uploadTable) sweep() error {
	since := t.now().Add(-t.limits.Expiry)
	return t.dropAll(func(u *upload) bool { return u.touched.Before(since) })
}

// close drops everything that nobody is working on.
func (t *uploadTable) close() error { return t.dropAll(func(*upload) bool { return true }) }

func (t *uploadTable) dropAll(which func(*upload) bool) error {
	t.mu.Lock()
	var old []*upload
	for _, u := range t.byID {
		if which(u) {
			old = append(old, u)
		}
	}
	t.mu.Unlock()
	var err error
	for _, u := range old {
		select {
		case <-u.turn:
			err = errors.Join(err, u.drop())
			u.turn <- struct{}{}
		default: // somebody is working on it
		}
	}
	return err
}
