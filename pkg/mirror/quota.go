package mirror

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// pollQuota is how often a registry is asked whether it answers again that did not
// say when.
const pollQuota = 5 * time.Minute

// A Quota keeps account of how many requests registries still answer. The zero value
// works. It is safe for concurrent use.
type Quota struct {
	Keep     int64         // requests to leave to others
	Patience time.Duration // how long to wait for more, all registries and waits together
	// Sleep is the clock; nil: the real one.
	Sleep func(ctx context.Context, d time.Duration) error
	// Waiting is told before each wait; may be nil.
	Waiting func(l Left, d time.Duration)

	mu     sync.Mutex
	hosts  map[string]Left
	waited time.Duration
	turn   sync.Mutex // held by who waits: one asks for all
}

// Left is what a registry said last.
type Left struct {
	Host   string        `json:"host"`
	Left   int64         `json:"left"`
	Of     int64         `json:"of,omitempty"`
	Window time.Duration `json:"-"` // for which it is allowed, or until there is more
}

// A QuotaError says that a registry answers no more for now. It wraps [place.ErrUnavailable].
type QuotaError struct {
	Left
	Keep int64
}

func (e *QuotaError) Error() string {
	text := fmt.Sprintf("%s allows %d more requests", e.Host, e.Left.Left)
	if e.Of > 0 {
		text += fmt.Sprintf(" of %d", e.Of)
	}
	if e.Window > 0 {
		text += fmt.Sprintf(" in %s", e.Window)
	}
	if e.Keep > 0 {
		text += fmt.Sprintf(", and %d are kept", e.Keep)
	}
	return text + ": " + place.ErrUnavailable.Error()
}

func (e *QuotaError) Unwrap() error { return place.ErrUnavailable }

// Hint says what can be done.
func (e *QuotaError) Hint() string {
	return fmt.Sprintf("run the same command again later, or with --quota-wait; an account may be allowed more: dray login %s", e.Host)
}

// Handle takes the events of kind event.Quota; it is an [event.Handler].
func (q *Quota) Handle(e event.Event) {
	if e.Kind != event.Quota {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hosts == nil {
		q.hosts = map[string]Left{}
	}
	l := Left{Host: e.Name, Left: e.N, Of: e.Total, Window: e.Wait}
	if l.Of == 0 {
		l.Of = q.hosts[e.Name].Of
	}
	q.hosts[e.Name] = l
}

// All returns what each registry said last, in order of their names.
func (q *Quota) All() []Left {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []Left
	for _, host := range slices.Sorted(maps.Keys(q.hosts)) {
		all = append(all, q.hosts[host])
	}
	return all
}

// IsSpent reports whether host allows no more requests than are to be kept.
func (q *Quota) IsSpent(host string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, known := q.hosts[host]
	return known && l.Left <= q.Keep
}

// Await returns nil when host answers again, as far as is known. Until then it waits,
// and asks with probe, which should cost no request that is counted; when that would
// take more than Patience it returns a [*QuotaError].
func (q *Quota) Await(ctx context.Context, host string, probe func(ctx context.Context)) error {
	if !q.IsSpent(host) {
		return nil
	}
	q.turn.Lock()
	defer q.turn.Unlock()
	for q.IsSpent(host) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l, wait, ok := q.next(host)
		if !ok {
			return &QuotaError{l, q.Keep}
		}
		if q.Waiting != nil {
			q.Waiting(l, wait)
		}
		if err := q.sleep(ctx, wait); err != nil {
			return err
		}
		q.forget(host)
		probe(ctx)
	}
	return nil
}

// next returns how long to wait now, or false if that is too long.
func (q *Quota) next(host string) (Left, time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.hosts[host]
	wait := pollQuota
	if l.Window > 0 {
		wait = min(wait, l.Window)
	}
	if q.waited+wait > q.Patience {
		return l, 0, false
	}
	q.waited += wait
	return l, wait, true
}

func (q *Quota) forget(host string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.hosts, host)
}

func (q *Quota) sleep(ctx context.Context, d time.Duration) error {
	if q.Sleep != nil {
		return q.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
