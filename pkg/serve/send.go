package serve

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// sendFile answers with f, or the part of it that is asked for. What a digest
// names never changes, so that it is its own entity tag.
func sendFile(w *recorder, r *http.Request, f place.File, h v1.Hash, mediaType string) error {
	etag := `"` + h.String() + `"`
	header := w.Header()
	header.Set("Docker-Content-Digest", h.String())
	header.Set("ETag", etag)
	header.Set("Accept-Ranges", "bytes")
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	part, err := asked(r, etag, f.Size())
	if err != nil {
		header.Set("Content-Range", fmt.Sprintf("bytes */%d", f.Size()))
		return err
	}
	status := http.StatusOK
	if part.isRange {
		status = http.StatusPartialContent
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.start+part.length-1, f.Size()))
	}
	header.Set("Content-Type", mediaType)
	header.Set("Content-Length", strconv.FormatInt(part.length, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := f.Seek(part.start, io.SeekStart); err != nil {
		return err
	}
	if err := w.send(f, part.length); err != nil && !isConnection(err) {
		return fmt.Errorf("sending %s: %w", h, err)
	}
	return nil
}

// isConnection reports whether err is one of the connection, of which clients make
// many; the log of accesses shows them by the bytes that were sent. What sendfile
// cannot read passes for one too, but for its number.
func isConnection(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !errors.Is(err, syscall.EIO)
}

// matches reports whether an If-None-Match names etag (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for each := range strings.SplitSeq(header, ",") {
		if each = strings.TrimPrefix(strings.TrimSpace(each), "W/"); each == etag || each == "*" {
			return true
		}
	}
	return false
}

// A part is what is asked for: length bytes from start on.
type part struct {
	start, length int64
	isRange       bool
}

// asked returns what a request asks for of size bytes. Several ranges, and what is
// not understood, mean all of it (RFC 9110, 14.2); a range that ends before it
// begins is refused.
func asked(r *http.Request, etag string, size int64) (part, error) {
	all := part{0, size, false}
	spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok || r.Method != http.MethodGet {
		return all, nil
	}
	if since := r.Header.Get("If-Range"); since != "" && since != etag {
		return all, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return all, nil
	}
	start, serr := number(first)
	end, eerr := number(last)
	switch {
	case first == "" && eerr == nil: // the last so many bytes
		start, end = max(size-end, 0), size-1
	case serr != nil || last != "" && eerr != nil:
		return all, nil
	case last == "" || end >= size:
		end = size - 1
	}
	if start > end {
		return part{}, faultf(http.StatusRequestedRangeNotSatisfiable, rangeInvalid, "there are %d bytes", size)
	}
	return part{start, end - start + 1, true}, nil
}

// number reads digits only: no sign.
func number(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
