package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/dray-oci/dray/pkg/event"
)

// A code is an error code of the distribution specification (Error Codes), or
// one of the registry that it was written from.
type code string

const (
	blobUnknown         code = "BLOB_UNKNOWN"
	blobUploadInvalid   code = "BLOB_UPLOAD_INVALID"
	blobUploadUnknown   code = "BLOB_UPLOAD_UNKNOWN"
	digestInvalid       code = "DIGEST_INVALID"
	manifestBlobUnknown code = "MANIFEST_BLOB_UNKNOWN"
	manifestInvalid     code = "MANIFEST_INVALID"
	manifestUnknown     code = "MANIFEST_UNKNOWN"
	nameInvalid         code = "NAME_INVALID"
	nameUnknown         code = "NAME_UNKNOWN"
	numberInvalid       code = "PAGINATION_NUMBER_INVALID"
	rangeInvalid        code = "RANGE_INVALID"
	sizeInvalid         code = "SIZE_INVALID"
	unauthorized        code = "UNAUTHORIZED"
	denied              code = "DENIED"
	unsupported         code = "UNSUPPORTED"
	tooManyRequests     code = "TOOMANYREQUESTS"
	unknown             code = "UNKNOWN"
)

// A fault is an error that a client is told of.
type fault struct {
	status  int
	code    code
	message string
}

func (f *fault) Error() string { return f.message }

// faultf returns a fault. What a client said may stand in it: it is told in JSON.
func faultf(status int, c code, format string, args ...any) error {
	return &fault{status, c, fmt.Sprintf(format, args...)}
}

// maxMessageBytes cuts what a message quotes of the request.
const maxMessageBytes = 1024

// fail answers with err. What is no fault is ours, and not told to clients.
func (s *Server) fail(w *recorder, r *http.Request, err error) {
	var f *fault
	if !errors.As(err, &f) {
		f = &fault{http.StatusInternalServerError, unknown, "something is wrong at the registry"}
		if r.Context().Err() == nil { // else it is the client that went away
			s.o.Events.Emit(event.Event{Kind: event.Warn, Name: r.URL.Path, Err: fmt.Errorf("answering %s %.300q: %w", r.Method, r.URL.Path, err)})
		}
	}
	if w.status != 0 {
		return // too late: the answer stays short, and the connection ends with it
	}
	type one struct {
		Code    code   `json:"code"`
		Message string `json:"message"`
	}
	message := f.message[:min(len(f.message), maxMessageBytes)]
	writeJSON(w, r, f.status, "application/json", map[string][]one{"errors": {{f.code, message}}})
}

// writeJSON answers with v. Errors of writing are those of the connection, which ends by them.
func writeJSON(w *recorder, r *http.Request, status int, mediaType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		body = []byte(`{"errors":[]}`) // never: v holds strings and numbers
	}
	writeBody(w, r, status, mediaType, body)
}

func writeBody(w *recorder, r *http.Request, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
