package serve

import (
	"sync"
	"time"

	"github.com/dray-oci/dray/pkg/place"
)

// namelessFor is how long content that was pushed is kept from prune before a
// manifest has to give it a name. Longer uploads hold on by themselves.
const namelessFor = 10 * time.Minute

// A lease gives places back what they hold, such as the lock that keeps prune from
// the content of a store, whenever nobody asks for anything.
type lease struct {
	holders []place.Holder
	now     func() time.Time

	mu    sync.Mutex
	users int
	until time.Time // held at least so long
}

// take makes sure that nothing is given back before the returned function was called.
func (l *lease) take() (give func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.users--
		l.release()
	}
}

// extend holds on for so long: content that was pushed has no name yet.
func (l *lease) extend(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = l.now().Add(d)
}

// sweep gives back what was held on to for long enough.
func (l *lease) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
}

func (l *lease) release() {
	if l.users > 0 || l.now().Before(l.until) {
		return
	}
	for _, h := range l.holders {
		_ = h.Release() // it would be held for longer, until it is closed, which tells
	}
}
