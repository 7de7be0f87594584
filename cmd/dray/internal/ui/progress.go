package ui

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// ProgressOptions say how a [Progress] shows what happens.
type ProgressOptions struct {
	// Mode is the value of --progress. "auto" or empty: bars where Err is a
	// terminal, else plain. "plain": a line every few seconds. "json": an object a
	// line, see [Message]. "none": notes and warnings only.
	Mode string
	// Verbose shows every request and retry.
	Verbose bool
	// Quiet shows warnings only, unless Mode is "json".
	Quiet bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Ticks says when to draw; nil means a real ticker.
	Ticks <-chan time.Time
}

// A Progress shows events on Err. It writes nothing to Out.
type Progress struct {
	mu     sync.Mutex
	now    func() time.Time
	tally  tally
	view   view
	w      *stickyWriter
	closed bool
	stop   chan struct{}
	ticker sync.WaitGroup
}

// A view shows what a tally counts. Its methods are called one at a time.
type view interface {
	// take is called after t has counted e; m is as tally.take returned it.
	take(t *tally, m *moving, e event.Event, now time.Time)
	// tick is called every interval, unless that is 0.
	tick(t *tally, now time.Time)
	interval() time.Duration
	// hide removes what will be drawn over; the next tick draws it again.
	hide()
	// end writes the last line.
	end(t *tally, now time.Time)
}

// NewProgress starts to show progress on s.Err. The caller closes it; nothing
// else may write to s.Err before, except through [Progress.Pause].
func NewProgress(s *Streams, o ProgressOptions) (*Progress, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Progress{now: o.Now, tally: tally{start: o.Now()}, w: &stickyWriter{w: s.Err}, stop: make(chan struct{})}
	n := &notes{s: s, w: p.w, verbose: o.Verbose, quiet: o.Quiet, seen: map[string]bool{}}
	switch o.Mode {
	case "json":
		p.view = &jsonView{w: p.w, verbose: o.Verbose, seen: map[string]bool{}}
	case "", "auto", "plain", "none":
		p.view = textView(s, n, o)
	default:
		return nil, fmt.Errorf("progress %q: not auto, plain, json or none", Quote(o.Mode))
	}
	p.startTicker(o.Ticks)
	return p, nil
}

func textView(s *Streams, n *notes, o ProgressOptions) view {
	switch {
	case o.Quiet || o.Mode == "none":
		return &noView{n}
	case o.Mode != "plain" && s.animates():
		return &barsView{notes: n, size: s.size}
	default:
		return &plainView{notes: n}
	}
}

func (p *Progress) startTicker(ticks <-chan time.Time) {
	every := p.view.interval()
	if every == 0 {
		return
	}
	stop := func() {}
	if ticks == nil {
		t := time.NewTicker(every)
		ticks, stop = t.C, t.Stop
	}
	p.ticker.Go(func() {
		defer stop()
		for {
			select {
			case <-ticks:
				p.tick()
			case <-p.stop:
				return
			}
		}
	})
}

func (p *Progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.tally.tick(now)
	p.view.tick(&p.tally, now)
}

// Handle shows e. It is an [event.Handler]. Events after Close are dropped.
func (p *Progress) Handle(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	m := p.tally.take(e)
	p.view.take(&p.tally, m, e, p.now())
}

// Pause runs f while nothing is drawn: f may write to Out and Err, or ask
// something. Whoever emits an event meanwhile waits, so f must not.
func (p *Progress) Pause(f func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.hide()
	return f()
}

// Close draws the last line, if anything was to be transferred: bytes moved,
// bytes skipped, time. It returns the first error of writing to Err. Closing
// again does nothing.
func (p *Progress) Close() error {
	p.mu.Lock()
	if p.closed {
		defer p.mu.Unlock()
		return p.w.err
	}
	p.closed = true
	p.mu.Unlock()
	close(p.stop)
	p.ticker.Wait() // it may be waiting for mu
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.hide()
	if p.tally.used {
		p.view.end(&p.tally, p.now())
	}
	return p.w.err
}

// Fail writes the error that a command ends with as the last [Message], and
// reports whether it did: only --progress json has a place for it. It is called
// after Close.
func (p *Progress) Fail(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.view.(*jsonView)
	if !ok || err == nil {
		return false
	}
	v.write(Message{Event: "error", Time: p.now(), Error: oneLine(err.Error()), Hint: Hint(err)})
	return true
}

// stickyWriter remembers its first error: whoever draws has better things to do.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.w.Write(p)
	}
	return len(p), nil
}
