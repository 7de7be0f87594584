package wire

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/guard"
)

// Bounds of what is read and shown of an answer that is an error.
const (
	maxErrorBytes   = 64 << 10
	maxMessageRunes = 200
)

// An Error is an answer other than 2xx, or that there was none.
type Error struct {
	Status  int       // 0: no answer
	Code    string    // the first of the registry's error codes, "MANIFEST_UNKNOWN"; may be empty
	Message string    // what it says besides; from outside, may be empty
	RetryAt time.Time // when the server wants to be asked again; zero if it said nothing
	Header  http.Header

	kind  error // what it means, one of package place's; may be nil
	cause error // why there was no answer
	again bool  // may pass
	hint  string
}

func (e *Error) Error() string {
	var parts []string
	if e.Status != 0 {
		parts = append(parts, strconv.Itoa(e.Status))
	}
	if e.Code != "" {
		parts = append(parts, e.Code)
	}
	if e.Message != "" {
		parts = append(parts, strconv.Quote(e.Message))
	}
	if e.cause != nil {
		parts = append(parts, e.cause.Error())
	}
	text := strings.Join(parts, " ")
	if e.kind != nil {
		text += ": " + e.kind.Error()
	}
	return text
}

// Unwrap returns what it means and what it came from.
func (e *Error) Unwrap() []error {
	var list []error
	for _, err := range []error{e.kind, e.cause} {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}

// Hint says what may help, or nothing.
func (e *Error) Hint() string { return e.hint }

// refusal reads the answer that is an error, and closes it.
func (h *Host) refusal(resp *http.Response, own bool) error {
	e := &Error{Status: resp.StatusCode, Header: resp.Header}
	hurry(resp)
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	if err == nil {
		e.read(resp.Header.Get("Content-Type"), raw)
	}
	if err := resp.Body.Close(); err != nil && e.Message == "" {
		e.Message = err.Error()
	}
	e.RetryAt = retryAt(resp.Header.Get("Retry-After"), h.o.Now())
	e.classify()
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		e.hint = "a proxy before the registry may limit the size of requests"
	case e.Status == http.StatusTooManyRequests:
		e.hint = fmt.Sprintf("an account may be allowed more: dray login %s", h.name)
	case e.kind == place.ErrDenied && own:
		e.hint = fmt.Sprintf("either it does not exist, or it takes an account that may: dray login %s", h.name)
	}
	return e
}

// read takes from the body what it says, in the form of the distribution
// specification or one of those that token servers use.
func (e *Error) read(contentType string, raw []byte) {
	type problem struct{ Code, Message string }
	var answer struct {
		Errors           []problem
		Message, Details json.RawMessage
		ErrorDescription json.RawMessage `json:"error_description"`
	}
	if json.Unmarshal(raw, &answer) != nil {
		if strings.HasPrefix(contentType, "text/plain") {
			line, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
			e.Message = cut(line)
		}
		return
	}
	for _, p := range answer.Errors {
		if e.Code == "" && isCode(p.Code) {
			e.Code, e.Message = p.Code, cut(p.Message)
		}
	}
	for _, m := range []json.RawMessage{answer.Message, answer.Details, answer.ErrorDescription} {
		var s string
		if e.Message == "" && json.Unmarshal(m, &s) == nil {
			e.Message = cut(s)
		}
	}
	if strings.EqualFold(strings.ReplaceAll(e.Message, " ", "_"), e.Code) {
		e.Message = "" // "MANIFEST_UNKNOWN: manifest unknown" says it twice
	}
}

// isCode: the codes of the specification are upper-case words.
func isCode(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

func cut(s string) string {
	if r := []rune(s); len(r) > maxMessageRunes {
		return string(r[:maxMessageRunes]) + "…"
	}
	return s
}

// classify says what the status and the code mean, and whether it may pass.
func (e *Error) classify() {
	switch s := e.Status; {
	case s == http.StatusUnauthorized, s == http.StatusForbidden, e.Code == "DENIED", e.Code == "UNAUTHORIZED":
		e.kind = place.ErrDenied
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s == http.StatusTooEarly, e.Code == "TOOMANYREQUESTS":
		e.kind, e.again = place.ErrUnavailable, true
	case s == http.StatusMethodNotAllowed, s == http.StatusNotImplemented, e.Code == "UNSUPPORTED":
		e.kind = place.ErrUnsupported
	case s == http.StatusNotFound, s == http.StatusGone:
		e.kind = place.ErrNotFound
	case s >= 500:
		e.kind, e.again = place.ErrUnavailable, s != http.StatusInsufficientStorage
	case s >= 300 && s < 400, strings.HasSuffix(e.Code, "_INVALID"):
		e.kind = place.ErrInvalid
	}
}

// retryAt reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date.
func retryAt(header string, now time.Time) time.Time {
	if s, err := strconv.ParseInt(header, 10, 32); err == nil && s >= 0 {
		return now.Add(time.Duration(s) * time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return at
	}
	return time.Time{}
}

// refused marks what the guard does not let pass.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", err, place.ErrDenied)
}

// broken returns what err, the failure of the exchange that w watches, means.
func (h *Host) broken(w *watch, err error) error {
	if w.parent.Err() != nil {
		return context.Cause(w.parent)
	}
	if cause := context.Cause(w.ctx); cause == errNoAnswer || cause == errStalled {
		err = cause
	}
	return h.Broken(err)
}

// Broken makes an [*Error] of the failure of a connection. What the guard does
// not let pass stays what it is.
func (h *Host) Broken(err error) error {
	var e *Error
	var g *guard.Error
	switch {
	case errors.As(err, &g):
		return refused(g)
	case errors.As(err, &e):
		return err
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/" {
		err = http.ErrSchemeMismatch
	}
	e = &Error{kind: place.ErrUnavailable, cause: plainly(err), again: h.mayPass(err)}
	var certErr *tls.CertificateVerificationError
	switch {
	case errors.Is(err, io.EOF): // must never pass for the good end of something
		e.cause = errors.New("the connection was closed")
	case errors.As(err, &certErr):
		e.hint = fmt.Sprintf("--ca-file FILE trusts its certificate; --insecure %s goes without", h.name)
	case errors.Is(err, http.ErrSchemeMismatch):
		e.hint = fmt.Sprintf("if it is meant to speak plain http: --insecure %s", h.name)
	}
	return e
}

// plainly leaves out which sockets a break was seen on, often twice.
func plainly(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op == "dial" {
		return err
	}
	for errors.As(op.Err, &op) {
	}
	return fmt.Errorf("the connection broke: %w", op.Err)
}

// mayPass reports whether it could help to try again: not when the other side
// is not whom we want, nor when it has never been there.
func (h *Host) mayPass(err error) bool {
	var op *net.OpError
	isDial := errors.As(err, &op) && op.Op == "dial"
	if isDial && !h.answered.Load() {
		return op.Timeout() || op.Temporary()
	}
	return !speaksTLS(err) && !errors.Is(err, http.ErrSchemeMismatch)
}
