package wrap

import (
	"sync"
	"time"
)

const (
	// segmentBytes is what a helper reads with one request: at 10 MB/s a connection
	// segmentBytes is what a helper reads with one request: at 10 MB/s a connection
	// and 50 ms of latency, one seventh of its time is lost between two requests.
	segmentBytes = 3 << 20
	// maxHelpers bounds the connections beyond the usual one for each content, and
	// with them the memory for all that was read ahead: 8 × 3 MiB.
	maxHelpers = 8
	// trial is how long a number of helpers is tried before it is judged: several round
	// trips of a slow line. From none to all of them it takes three.
	trial = 500 * time.Millisecond
	// pause is how long it takes, after more helpers were of no use, until more are
	// tried again; each time twice as long.
	pause = 10 * time.Second
	// gain is how much faster it has to get for more helpers to be worth it.
	gain = 1.1
	// enough is as fast as contents are read together, in bytes a second, without
	// any help being looked for: there the processor is more likely to be the limit.
	enough = 250e6
	// idle is the part of the time that readers have to wait for the network before
	// help is looked for: who waits less is slow for another reason.
	idle = 0.5
)

// A Line is what the registries of one run are read through: it bounds how many
// connections help, and the memory for what they read ahead, and finds out how
// many are of use. The zero Line is ready, and safe for concurrent use.
type Line struct {
	mu      sync.Mutex
	free    [][]byte // buffers that were used before
	taken   int      // helpers at work, or with content that nobody took yet
	allowed int      // helpers that there may be
	readers int      // large contents that are being read

	since  time.Time     // when this trial began
	bytes  int64         // received in it
	waited time.Duration // for them, all readers together
	busy   bool          // all helpers that were allowed were taken in it
	before float64       // bytes a second with fewer helpers; 0: not known
	rest   time.Duration
	until  time.Time // no more helpers before
}

// join and leave tell of a content that is read. What was measured says nothing
// about another number of them.
func (l *Line) join() { l.change(1) }

func (l *Line) leave() { l.change(-1) }

func (l *Line) change(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers += n
	l.before = 0
	l.begin(time.Now())
}

// begin begins a trial.
func (l *Line) begin(now time.Time) {
	l.since, l.bytes, l.waited, l.busy = now, 0, 0, l.taken >= l.allowed
}

// take returns a buffer of segmentBytes for one helper, or nil if there may be no more.
func (l *Line) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken >= l.allowed {
		return nil
	}
	l.taken++
	l.busy = l.busy || l.taken >= l.allowed
	if n := len(l.free); n > 0 {
		buf := l.free[n-1]
		l.free = l.free[:n-1]
		return buf
	}
	return make([]byte, segmentBytes)
}

// give takes a buffer back.
func (l *Line) give(buf []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	l.free = append(l.free, buf)
}

// helps reports whether there may be helpers at all by now.
func (l *Line) helps() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.allowed > 0
}

// wait takes note that a reader waited since a time.
func (l *Line) wait(since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waited += time.Since(since)
}

// received takes note of n bytes that came in.
func (l *Line) received(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += int64(n)
	now := time.Now()
	took := now.Sub(l.since)
	if took < trial {
		return
	}
	starved := l.waited.Seconds() > idle*took.Seconds()*float64(l.readers)
	l.judge(now, float64(l.bytes)/took.Seconds(), starved)
	l.begin(now)
}

// judge decides how many helpers there may be from now on: twice as many as long
// as that makes it faster, and the number before if it does not.
func (l *Line) judge(now time.Time, speed float64, starved bool) {
	switch {
	case !l.busy: // this many were not needed
	case l.before > 0 && speed < l.before*gain:
		l.allowed /= 2
		if l.allowed < 2 {
			l.allowed = 0
		}
		l.before, l.rest = 0, max(pause, 2*l.rest)
		l.until = now.Add(l.rest)
	case starved && speed < enough && l.allowed < maxHelpers && !now.Before(l.until):
		l.before = speed
		l.allowed = max(2, 2*l.allowed)
	default:
		l.before = 0
	}
}
