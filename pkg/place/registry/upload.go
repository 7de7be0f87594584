package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

const (
	// smallBytes is up to which size a blob is sent with the request that begins its
	// upload, or ends it: one or two requests instead of three. Unless it lies in a file
	// it is held in memory meanwhile.
	smallBytes = 1 << 20
	// storingRate is how fast, at least, a registry is taken to hash and move what
	// was uploaded before it answers: a second more of patience for each 10 MB.
	storingRate = 10e6
	// maxRestarts bounds how often one upload starts again without a network fault.
	maxRestarts = 3
)

// An upload is one blob on its way up (distribution-spec: Pushing blobs): begin,
// send, finish. After a break it asks how far it came.
type upload struct {
	r    *Repo
	m    *remote
	d    v1.Descriptor
	open blob.Opener
	all  blob.Opener // of a small blob, which is sent at once; else nil

	begun           // at is nil when it has not begun
	offset   int64  // bytes that the registry has
	reached  int64  // the furthest it ever had
	asked    int64  // bytes in the last request that sent some
	noted    string // what is remembered of it
	spliced  bool   // made of more than one request
	restarts int
	tries    *wire.Tries
}

func newUpload(r *Repo, m *remote, d v1.Descriptor, open blob.Opener) *upload {
	u := &upload{r: r, m: m, d: d, open: open, tries: m.Tries()}
	u.begun = r.takePending(d.Digest)
	return u
}

func (u *upload) run(ctx context.Context) error {
	if u.d.Size <= smallBytes {
		if err := u.prepare(ctx); err != nil {
			u.abandon(ctx)
			return err
		}
	}
	if u.at == nil {
		u.recall(ctx)
	}
	for {
		err := u.step(ctx)
		if err == nil {
			u.forget()
			return nil
		}
		switch done, err := u.recover(ctx, err); {
		case err != nil:
			if !errors.Is(err, place.ErrUnavailable) { // or it would be a long goodbye
				u.abandon(ctx)
			}
			return err
		case done:
			u.forget()
			return nil
		}
	}
}

// prepare has a small blob ready: in its file, where the system takes it from for every
// try and the registry verifies it as it does a large one, or else in memory, verified.
func (u *upload) prepare(ctx context.Context) error {
	rc, err := u.open(ctx, 0, -1)
	if err != nil {
		return err
	}
	if f, _ := blob.FileOf(rc); f != nil {
		u.all = u.source
		return rc.Close()
	}
	raw, err := blob.ReadAll(ctx, func(context.Context, int64, int64) (io.ReadCloser, error) { return rc, nil }, u.d, smallBytes)
	u.all = blob.Bytes(raw)
	return err
}

// step goes on from where the upload is, to the end.
func (u *upload) step(ctx context.Context) error {
	if u.at == nil {
		if done, err := u.begin(ctx); done || err != nil {
			return err
		}
	}
	for u.all == nil && u.offset < u.d.Size {
		if err := u.send(ctx); err != nil {
			return err
		}
	}
	return u.finish(ctx)
}

// begin begins the upload. A small blob goes along: most registries take it so
// at once, and those that do not have begun an upload by it.
func (u *upload) begin(ctx context.Context) (done bool, err error) {
	req := u.m.write(http.MethodPost, "blobs", "uploads", "")
	req.Once = true
	single := u.all != nil && !u.m.noSingle.Load()
	if single {
		req.Query = url.Values{"digest": {u.d.Digest.String()}}
		u.carry(req)
	}
	resp, err := u.m.Do(ctx, req)
	if single && refused(err) {
		u.m.noSingle.Store(true)
		return u.begin(ctx)
	}
	if err != nil {
		return false, err
	}
	if single && resp.StatusCode == http.StatusCreated {
		return true, errors.Join(stored(resp, u.d), resp.Body.Close())
	}
	if single {
		u.m.noSingle.Store(true)
	}
	u.begun, err = u.m.begun(resp)
	u.offset, u.spliced = 0, false
	return false, errors.Join(err, resp.Body.Close())
}

// carry makes req bring the whole small blob.
func (u *upload) carry(req *wire.Request) {
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Size = u.d.Size
	req.Body = func(ctx context.Context) (io.ReadCloser, error) { return u.all(ctx, 0, u.d.Size) }
}

// begun reads the answer that begins an upload.
func (m *remote) begun(resp *http.Response) (begun, error) {
	at, err := m.Locate(resp, resp.Header.Get("Location"))
	if err != nil {
		return begun{}, err
	}
	b := begun{at: at}
	if n, err := number(resp.Header.Get("OCI-Chunk-Min-Length")); err == nil {
		b.minChunk = n
	}
	return b, nil
}

// request returns a request to where the upload goes on.
func (u *upload) request(method string) *wire.Request {
	req := u.m.write(method)
	req.URL, req.Once = u.at, true
	return req
}

// send sends the next chunk: all that is left, unless the host is known to take less.
func (u *upload) send(ctx context.Context) error {
	u.remember()
	offset, n := u.offset, u.d.Size-u.offset
	if chunk := u.m.chunkBytes.Load(); chunk > 0 {
		n = min(n, max(chunk, u.minChunk))
	}
	req := u.request(http.MethodPatch)
	req.Header.Set("Content-Type", "application/octet-stream")
	if n < u.d.Size {
		req.Header.Set("Content-Range", fmt.Sprintf("%d-%d", offset, offset+n-1))
		u.spliced = true
	}
	req.Size, u.asked, req.Patience = n, n, patience(n)
	req.Body = func(ctx context.Context) (io.ReadCloser, error) { return u.source(ctx, offset, n) }
	resp, err := u.m.Do(ctx, req)
	if err != nil {
		return err
	}
	u.advance(offset + n)
	return errors.Join(u.moved(resp), resp.Body.Close())
}

// moved takes over where the registry wants to go on, if it says so.
func (u *upload) moved(resp *http.Response) error {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil
	}
	at, err := u.m.Locate(resp, location)
	if err == nil {
		u.at = at
	}
	return err
}

func (u *upload) advance(offset int64) {
	u.offset = offset
	if offset > u.reached {
		u.reached = offset
		u.tries.Progress()
	}
}

// finish ends the upload. Before it answers the registry may hash it all.
func (u *upload) finish(ctx context.Context) error {
	req := u.request(http.MethodPut)
	req.URL = withDigest(*u.at, u.d.Digest)
	req.Patience = patience(u.d.Size)
	if u.all != nil {
		u.carry(req)
	}
	resp, err := u.m.Do(ctx, req)
	if err != nil {
		return err
	}
	return errors.Join(stored(resp, u.d), resp.Body.Close())
}

// patience is how long, beyond the usual, a registry may take to put away n bytes.
func patience(n int64) time.Duration {
	return time.Duration(float64(n) / storingRate * float64(time.Second))
}

// withDigest adds the digest to a query that is otherwise kept to the letter: it may be signed.
func withDigest(u url.URL, digest v1.Hash) *url.URL {
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "digest=" + url.QueryEscape(digest.String())
	return &u
}

// abandon tells the registry that nothing more will come. Whether it listens
// changes nothing: registries clear away what was never finished.
func (u *upload) abandon(ctx context.Context) {
	if u.at == nil || ctx.Err() != nil {
		return
	}
	u.forget()
	if resp, err := u.m.Do(ctx, u.request(http.MethodDelete)); err == nil {
		_ = resp.Body.Close()
	}
	u.begun = begun{}
}
