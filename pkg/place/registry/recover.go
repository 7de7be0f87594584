package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Chunks for hosts that take no more at once. Most limits are round numbers of
// MiB, down to nginx's default of one.
const (
	firstChunkBytes = 16 << 20
	leastChunkBytes = 256 << 10
)

// recover decides how an upload that failed with err goes on. It reports
// whether the blob stands after all; an error is the end of it.
func (u *upload) recover(ctx context.Context, err error) (done bool, _ error) {
	var e *wire.Error
	var src *sourceError
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.As(err, &src):
		return false, src.error
	case !errors.As(err, &e):
		return false, err
	case e.Code == "DIGEST_INVALID" && !u.spliced:
		return false, fmt.Errorf("%w: %w", err, blob.ErrMismatch)
	case e.Code == "DIGEST_INVALID": // the pieces may not fit: again, from the start
		return u.again(ctx, err, u.restart)
	case e.Status == http.StatusRequestEntityTooLarge && u.cutSmaller():
		return u.again(ctx, err, u.resume)
	case e.Status == http.StatusRequestedRangeNotSatisfiable && u.restarts == 0:
		return u.again(ctx, err, u.resume) // we are wrong about how far it came; if that does not help, the registry is
	case isLost(e) && u.at != nil:
		return u.again(ctx, err, u.restart)
	}
	if err := u.tries.Wait(ctx, err); err != nil {
		return false, err
	}
	return u.resume(ctx)
}

// again goes on after a failure that no time heals, a few times.
func (u *upload) again(ctx context.Context, why error, how func(context.Context) (bool, error)) (bool, error) {
	if u.restarts++; u.restarts > maxRestarts {
		return false, why
	}
	return how(ctx)
}

// isLost reports whether e means that the registry does not know the upload, or
// not in this state.
func isLost(e *wire.Error) bool {
	return errors.Is(e, place.ErrNotFound) || strings.HasPrefix(e.Code, "BLOB_UPLOAD_") ||
		e.Code == "RANGE_INVALID" || e.Status == http.StatusRequestedRangeNotSatisfiable
}

// restart gives up what was sent. If all of it was, the answer that it stands
// may have been lost: then it does.
func (u *upload) restart(ctx context.Context) (done bool, _ error) {
	if u.at != nil && (u.all != nil || u.offset == u.d.Size) {
		if has, err := u.m.has(ctx, u.d); has || err != nil {
			return has, err
		}
	}
	u.abandon(ctx)
	u.begun, u.offset = begun{}, 0
	return false, nil
}

// resume asks how far the upload came, and goes on from there; from the start
// if the registry cannot tell.
func (u *upload) resume(ctx context.Context) (done bool, _ error) {
	for u.at != nil && u.all == nil {
		has, err := u.ask(ctx)
		if err == nil {
			u.spliced = true
			u.advance(has)
			return false, nil
		}
		if refused(err) || errors.Is(err, errNoOffset) {
			break
		}
		if err := u.tries.Wait(ctx, err); err != nil {
			return false, err
		}
	}
	return u.restart(ctx)
}

// uploaded reads how many bytes a registry has from its Range header, which is
// the offset of the last one. Many say "0-0" for none.
func uploaded(resp *http.Response) (int64, bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(resp.Header.Get("Range"), "bytes="), "-")
	end, err := number(last)
	if !ok || first != "0" || err != nil {
		return 0, false
	}
	if end == 0 {
		return 0, true
	}
	return end + 1, true
}

// cutSmaller makes this host get smaller chunks than the last one, and reports
// whether that is possible.
func (u *upload) cutSmaller() bool {
	chunk := u.m.chunkBytes.Load()
	if chunk == 0 {
		chunk = firstChunkBytes
	}
	for chunk >= u.asked && chunk >= leastChunkBytes {
		chunk /= 4
	}
	if u.asked == 0 || chunk < leastChunkBytes || chunk < u.minChunk {
		return false
	}
	u.m.chunkBytes.Store(chunk)
	return true
}

// A sourceError is a failure of where the bytes come from, not of where they go.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// source opens n bytes of the blob at offset: exactly these, or an error.
func (u *upload) source(ctx context.Context, offset, n int64) (io.ReadCloser, error) {
	length := n
	if offset+n == u.d.Size {
		length = -1 // to see whether there is more
	}
	rc, err := u.open(ctx, offset, length)
	if errors.Is(err, place.ErrUnsupported) && length >= 0 {
		rc, err = u.open(ctx, offset, -1)
	}
	if err != nil {
		return nil, &sourceError{err}
	}
	return &exact{ReadCloser: rc, left: n, last: offset+n == u.d.Size}, nil
}

// exact ends after left bytes, and fails if there are fewer; at the end of the
// blob also if there are more.
type exact struct {
	io.ReadCloser
	left int64
	last bool
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 && (!e.last || len(p) == 0) {
		return 0, io.EOF
	}
	n, err := e.ReadCloser.Read(p[:min(int64(len(p)), max(e.left, 1))])
	if int64(n) > e.left {
		return 0, &sourceError{fmt.Errorf("there are more bytes than its size: %w", blob.ErrMismatch)}
	}
	e.left -= int64(n)
	switch {
	case err == io.EOF && e.left > 0:
		err = &sourceError{fmt.Errorf("%d bytes less than its size: %w", e.left, blob.ErrMismatch)}
	case err != nil && err != io.EOF:
		err = &sourceError{err}
	}
	return n, err
}

var _ blob.InFile = (*exact)(nil)

func (e *exact) File() (*os.File, int64) {
	f, left := blob.FileOf(e.ReadCloser)
	return f, min(left, e.left)
}

func (e *exact) Moved(n int64) {
	blob.Moved(e.ReadCloser, n)
	e.left -= n
}
