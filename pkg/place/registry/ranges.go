package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// errNoRange says that the answer to a request for a range is none that can be used.
var errNoRange = errors.New("it answers a request for a range with another one")

// request makes one request for what comes next, and sets the body.
func (s *stream) request() error {
	ranged := !s.noRanges && (s.next > 0 || !s.rest)
	resp, err := s.m.Do(s.ctx, s.ask(ranged))
	var e *wire.Error
	if ranged && errors.As(err, &e) && e.Status == http.StatusRequestedRangeNotSatisfiable {
		if size, ok := unsatisfied(e.Header.Get("Content-Range")); ok && size != s.d.Size {
			return wrongSize(size, s.d.Size)
		}
		err = errNoRange
	}
	if err == nil {
		if err = s.accept(resp, ranged); err == nil {
			s.body = resp.Body
			return nil
		}
		err = errors.Join(err, resp.Body.Close())
	}
	if errors.Is(err, errNoRange) {
		s.noRanges = true
		return s.request()
	}
	return err
}

// ask builds the request. The end is always given: some servers know no open ranges.
func (s *stream) ask(ranged bool) *wire.Request {
	r := s.m.read(http.MethodGet, kind(s.d), s.d.Digest.String())
	r.Once, r.Content = true, true
	if manifest.Is(s.d.MediaType) {
		r.Header.Set("Accept", string(s.d.MediaType))
	}
	if ranged {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.next, s.end-1))
		if s.etag != "" {
			r.Header.Set("If-Range", s.etag)
		}
	}
	return r
}

// accept holds an answer against what was asked for, and skips what it has too much of.
func (s *stream) accept(resp *http.Response, ranged bool) error {
	if etag := resp.Header.Get("ETag"); strings.HasPrefix(etag, `"`) { // a strong one
		s.etag = etag
	}
	switch {
	case resp.StatusCode == http.StatusPartialContent:
		if !ranged {
			return fmt.Errorf("it sends a part where the whole was asked for: %w", place.ErrInvalid)
		}
		return s.acceptPart(resp)
	case resp.ContentLength >= 0 && resp.ContentLength != s.d.Size:
		return wrongSize(resp.ContentLength, s.d.Size)
	case s.next > 0 && !s.rest:
		return fmt.Errorf("the server has no ranges: %w", place.ErrUnsupported)
	}
	return s.skip(resp.Body)
}

func (s *stream) acceptPart(resp *http.Response) error {
	start, end, size, ok := contentRange(resp.Header.Get("Content-Range"))
	switch {
	case !ok || start != s.next || end >= s.end:
		return errNoRange
	case resp.ContentLength >= 0 && resp.ContentLength != end-start+1:
		return errNoRange
	case size >= 0 && size != s.d.Size:
		return wrongSize(size, s.d.Size)
	}
	return nil
}

// skip drops what was returned before. What breaks meanwhile may pass.
func (s *stream) skip(body io.Reader) error {
	_, err := io.CopyN(io.Discard, body, s.next)
	if errors.Is(err, io.EOF) {
		return s.m.Broken(io.ErrUnexpectedEOF)
	}
	return err
}

func wrongSize(got, want int64) error {
	return fmt.Errorf("it has %d bytes, not %d: %w", got, want, blob.ErrMismatch)
}

// contentRange reads "bytes 0-9/100"; size is -1 for "*" (RFC 9110, 14.4).
func contentRange(header string) (start, end, size int64, ok bool) {
	rest, ok := strings.CutPrefix(header, "bytes ")
	span, total, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, 0, false
	}
	start, err1 := number(first)
	end, err2 := number(last)
	size, err3 := number(total)
	if total == "*" {
		size, err3 = -1, nil
	}
	return start, end, size, errors.Join(err1, err2, err3) == nil && start <= end && (size < 0 || end < size)
}

// unsatisfied reads the size in "bytes */100", which comes with a 416.
func unsatisfied(header string) (int64, bool) {
	total, ok := strings.CutPrefix(header, "bytes */")
	size, err := number(total)
	return size, ok && err == nil
}

// number reads digits only: no sign.
func number(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
