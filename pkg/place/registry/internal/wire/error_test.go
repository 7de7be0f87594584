package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dray-oci/dray/pkg/place"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		status      int
		contentType string
		body        string
		want        string
		is          error
	}{
		{404, "application/json", `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"x":1}}]}`, `404 MANIFEST_UNKNOWN: not found`, place.ErrNotFound},
		{403, "", `{"errors":[{"code":"DENIED","message":"requested access is denied"}]}`, `403 DENIED "requested access is denied": not allowed`, place.ErrDenied},
		{400, "", `{"errors":[{"code":"DENIED"}]}`, `400 DENIED: not allowed`, place.ErrDenied},
		{400, "", `{"errors":[{"code":"MANIFEST_INVALID","message":"no\nconfig"}]}`, `400 MANIFEST_INVALID "no\nconfig": not valid`, place.ErrInvalid},
		{405, "", `{"errors":[{"code":"UNSUPPORTED"}]}`, `405 UNSUPPORTED: not supported`, place.ErrUnsupported},
		{401, "", `{"details":"incorrect username or password"}`, `401 "incorrect username or password": not allowed`, place.ErrDenied},
		{400, "", `{"error":"invalid_grant","error_description":"expired"}`, `400 "expired"`, nil},
		{502, "text/html", `<html>Bad Gateway</html>`, `502: unavailable`, place.ErrUnavailable},
		{502, "text/plain", "upstream is gone\nmore", `502 "upstream is gone": unavailable`, place.ErrUnavailable},
		{404, "", `{"errors":[{"code":"not a code\u001b[31m"},{"code":"BLOB_UNKNOWN"}]}`, `404 BLOB_UNKNOWN: not found`, place.ErrNotFound},
		{404, "", `{"errors":"odd"}`, `404: not found`, place.ErrNotFound},
	} {
		e := &Error{Status: c.status}
		e.read(c.contentType, []byte(c.body))
		e.classify()
		if e.Error() != c.want || c.is != nil && !errors.Is(e, c.is) {
			t.Errorf("%s\n got %s\nwant %s", c.body, e, c.want)
		}
	}
}

func FuzzErrorBody(f *testing.F) {
	f.Add(404, "application/json", `{"errors":[{"code":"NAME_UNKNOWN","message":"x"}]}`)
	f.Add(500, "text/plain", "oops\x00\xff")
	f.Add(401, "", `{"message":["a"],"details":{},"error_description":"d"}`)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		e := &Error{Status: status}
		e.read(contentType, []byte(body))
		e.classify()
		text := e.Error()
		if !utf8.ValidString(text) || len(text) > 4000 || strings.ContainsAny(text, "\n\r\x1b") || errors.Is(e, io.EOF) {
			t.Errorf("%q", text)
		}
	})
}

func TestRetryAt(t *testing.T) {
	for header, want := range map[string]time.Time{
		"0":                             now(),
		"120":                           now().Add(2 * time.Minute),
		"-1":                            {},
		"99999999999999":                {},
		"soon":                          {},
		"":                              {},
		"Sun, 22 Nov 2026 11:00:00 GMT": now().Add(time.Hour),
	} {
		if got := retryAt(header, now()); !got.Equal(want) {
			t.Errorf("%q is %v, want %v", header, got, want)
		}
	}
}

func TestBrokenIsNeverTheEnd(t *testing.T) {
	h := NewHost(Options{}, "r.example")
	spoken := tls.RecordHeaderError{Msg: "no TLS", RecordHeader: [5]byte([]byte("HTTP/"))}
	if err := h.Broken(spoken); !errors.Is(err, http.ErrSchemeMismatch) || !strings.Contains(hint(err), "--insecure r.example") {
		t.Errorf("%v (%s)", err, hint(err))
	}
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, http.ErrSchemeMismatch, errors.New("x")} {
		got := h.Broken(err)
		if errors.Is(got, io.EOF) || !errors.Is(got, place.ErrUnavailable) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
