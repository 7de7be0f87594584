package wire

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// How long to wait before a next try: 0.25, 0.75, 2.25, 6.75, 20 s, each plus
// or minus half of it, so that many clients do not come back at once.
const (
	firstWait = 250 * time.Millisecond
	maxWait   = 20 * time.Second
	// maxRetryAfter is how long a server may make us wait by itself.
	maxRetryAfter = 60 * time.Second
)

// Tries counts the failures in a row of one piece of work. It is not safe for
// concurrent use.
type Tries struct {
	h *Host
	n int
}

// Tries returns a new count.
func (h *Host) Tries() *Tries { return &Tries{h: h} }

// Progress says that something has been achieved since the last failure.
func (t *Tries) Progress() { t.n = 0 }

// Wait returns nil when it is time for the next try after err, and an error if
// there should be none: because err will not pass, or there were enough, or the
// server wants more patience than we have.
func (t *Tries) Wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var e *Error
	if !errors.As(err, &e) || !e.again {
		return err
	}
	if t.n >= t.h.o.Retries {
		if t.n > 0 {
			return fmt.Errorf("tried %d times: %w", t.n+1, err)
		}
		return err
	}
	wait := backoff(t.n)
	t.n++
	if !e.RetryAt.IsZero() {
		after := e.RetryAt.Sub(t.h.o.Now())
		if after > maxRetryAfter {
			return fmt.Errorf("not before %s: %w", e.RetryAt.Format(time.RFC3339), err)
		}
		wait = max(wait, after)
	}
	t.h.o.Events.Emit(event.Event{Kind: event.Retry, Name: t.h.name, Err: err, Wait: wait, Count: t.n})
	return t.h.o.Sleep(ctx, wait)
}

func backoff(n int) time.Duration {
	d := firstWait
	for ; n > 0 && d < maxWait; n-- {
		d *= 3
	}
	d = min(d, maxWait)
	return d/2 + rand.N(d)
}
