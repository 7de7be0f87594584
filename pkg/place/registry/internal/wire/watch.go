package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// What a watch ends an exchange for.
var (
	errNoAnswer = errors.New("it does not answer in time")
	errStalled  = errors.New("no byte moved for too long")
)

// wordsTimeout is how long what a server says besides content may take in all: a
// few kilobytes that trickle would else take hours.
const wordsTimeout = 10 * time.Second

// A watch ends an exchange in which nothing moves. It is armed while it is the
// other side's turn.
type watch struct {
	parent context.Context // to tell the caller's end from ours
	ctx    context.Context // of the exchange
	cancel context.CancelCauseFunc
	timer  *time.Timer
	reason atomic.Value
}

func newWatch(parent context.Context) *watch {
	w := &watch{parent: parent}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.timer = time.AfterFunc(time.Hour, func() { w.cancel(w.reason.Load().(error)) })
	w.timer.Stop()
	return w
}

func (w *watch) arm(d time.Duration, reason error) {
	w.reason.Store(reason)
	w.timer.Reset(d)
}

func (w *watch) disarm() { w.timer.Stop() }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// inbound is the body of an answer.
type inbound struct {
	io.ReadCloser
	h      *Host
	w      *watch
	out    *outgoing // what may still be being sent
	leave  func()    // gives back the place among the readers; may be nil
	until  time.Time // when it has to be read; zero for as long as it moves
	closed sync.Once
}

// hurry sets how long the rest of resp may take.
func hurry(resp *http.Response) {
	if b, ok := resp.Body.(*inbound); ok {
		b.until = b.h.o.Now().Add(wordsTimeout)
	}
}

func (b *inbound) Read(p []byte) (int, error) {
	patience := b.h.o.StallTimeout
	if !b.until.IsZero() {
		left := b.until.Sub(b.h.o.Now())
		if left <= 0 {
			return 0, b.h.broken(b.w, errNoAnswer)
		}
		patience = min(patience, left)
	}
	b.w.arm(patience, errStalled)
	n, err := b.ReadCloser.Read(p)
	b.w.disarm()
	if err != nil && err != io.EOF {
		err = b.h.broken(b.w, err)
	}
	return n, err
}

// Close ends the exchange, and waits until nothing reads the request's body any more.
func (b *inbound) Close() error {
	err := b.ReadCloser.Close()
	b.closed.Do(func() {
		b.w.stop()
		b.out.wait()
		if b.leave != nil {
			b.leave()
		}
	})
	return err
}

// outgoing is the body of a request. It is opened when the first byte is
// wanted, and opened again if the transport starts again.
type outgoing struct {
	r    *Request
	h    *Host
	w    *watch
	open sync.WaitGroup // readers not closed yet

	mu  sync.Mutex
	err error // of the source of the bytes
}

func (o *outgoing) reader() *outReader {
	o.open.Add(1)
	return &outReader{o: o}
}

func (o *outgoing) wait() {
	if o != nil {
		o.open.Wait()
	}
}

func (o *outgoing) failed(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	return err
}

// fault returns the error of the source of the bytes, if it was that.
func (o *outgoing) fault() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

type outReader struct {
	o      *outgoing
	mu     sync.Mutex
	rc     io.ReadCloser
	closed bool
}

func (r *outReader) source() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, http.ErrBodyReadAfterClose
	}
	if r.rc == nil {
		rc, err := r.o.r.Body(r.o.w.ctx)
		if err != nil {
			return nil, err
		}
		r.rc = rc
	}
	return r.rc, nil
}

func (r *outReader) Read(p []byte) (int, error) {
	r.o.w.disarm() // it is the source's turn
	rc, err := r.source()
	if err != nil {
		return 0, r.o.failed(err)
	}
	n, err := rc.Read(p)
	switch {
	case err == nil:
		r.o.w.arm(r.o.h.o.StallTimeout, errStalled)
	case err == io.EOF:
		r.o.w.arm(r.o.r.patience(r.o.h), errNoAnswer)
	default:
		err = r.o.failed(err)
	}
	return n, err
}

func (r *outReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	defer r.o.open.Done()
	if r.rc == nil {
		return nil
	}
	return r.rc.Close()
}
