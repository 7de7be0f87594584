package serve

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// An Access is one request that was answered. Strings in it come from outside,
// and are not safe to print unquoted.
type Access struct {
	Time     time.Time     `json:"time"` // when it began
	Took     time.Duration `json:"-"`
	Remote   string        `json:"remote"` // the address without its port
	User     string        `json:"user,omitempty"`
	Method   string        `json:"method"`
	URI      string        `json:"uri"`
	Agent    string        `json:"agent,omitempty"`
	Status   int           `json:"status"`
	Sent     int64         `json:"sent"`     // bytes of the answer's body
	Received int64         `json:"received"` // bytes of the request's body
}

// maxFieldBytes cuts what a client says of itself.
const maxFieldBytes = 1024

func access(w *recorder, r *http.Request, user string, began, now time.Time) Access {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	cut := func(s string) string { return s[:min(len(s), maxFieldBytes)] }
	return Access{
		Time: began, Took: now.Sub(began), Remote: remote, User: cut(user), Method: cut(r.Method),
		URI: cut(r.URL.RequestURI()), Agent: cut(r.UserAgent()),
		Status: w.status, Sent: w.sent, Received: w.received.Load(),
	}
}

// A recorder counts what is answered, and gives up a connection that stalls. It
// hands files on so that the kernel can send them. Connections that know no
// deadlines, as in tests, do without.
type recorder struct {
	http.ResponseWriter
	control  *http.ResponseController
	stall    time.Duration
	status   int
	sent     int64
	received atomic.Int64
	isCut    atomic.Bool
	isFixed  bool // the body has one deadline for all of it
}

func newRecorder(w http.ResponseWriter, stall time.Duration) *recorder {
	rec := &recorder{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
	rec.patience()
	return rec
}

// patience gives the client time to take what is sent.
func (w *recorder) patience() { _ = w.control.SetWriteDeadline(time.Now().Add(w.stall)) }

// within gives the client so long to send the whole body.
func (w *recorder) within(d time.Duration) {
	w.isFixed = true
	_ = w.control.SetReadDeadline(time.Now().Add(d))
}

// cut ends the reading of the request's body, from another goroutine.
func (w *recorder) cut() {
	w.isCut.Store(true)
	_ = w.control.SetReadDeadline(time.Unix(1, 0))
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.patience()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// ReadFrom lets [io.CopyN] come to the kernel's sendfile.
func (w *recorder) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.sent += n
	return n, err
}

// sendBytes is after how many bytes a client shows that it still takes some.
const sendBytes = 1 << 20

// send sends n bytes of r, as long as the client goes on taking them.
func (w *recorder) send(r io.Reader, n int64) error {
	for n > 0 {
		w.patience()
		sent, err := io.CopyN(w, r, min(n, sendBytes))
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		n -= sent
	}
	return nil
}

// body returns rc, of which every read may take as long as the client is given.
func (w *recorder) body(rc io.ReadCloser) io.ReadCloser {
	_ = w.control.SetReadDeadline(time.Now().Add(w.stall)) // also if nobody reads it
	return &body{rc, w}
}

type body struct {
	io.ReadCloser
	w *recorder
}

var errCut = errors.New("another request goes on with this upload")

func (b *body) Read(p []byte) (int, error) {
	if !b.w.isFixed {
		_ = b.w.control.SetReadDeadline(time.Now().Add(b.w.stall))
	}
	if b.w.isCut.Load() { // looked at after the deadline was set, or cut would be undone
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(p)
	b.w.received.Add(int64(n))
	if errors.Is(err, io.EOF) {
		// From here on the connection is read only to see whether it breaks, which a
		// deadline would look like.
		_ = b.w.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
