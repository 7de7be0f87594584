package parts

import (
	"errors"
	"os"
	"sync"
)

// maxIdle is how many parts stay open that nobody reads just now.
const maxIdle = 32

// handles are the open files of a set: those that are read, and the last few that
// were. The zero value has none.
type handles struct {
	mu   sync.Mutex
	open map[int]*handle
	tick int
}

type handle struct {
	f     *os.File
	users int
	last  int // tick of its last use
}

// take returns file i, opened if it has to be, until give.
func (h *handles) take(i int, open func(int) (*os.File, error)) (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.open[i]
	if o == nil {
		f, err := open(i)
		if err != nil {
			return nil, err
		}
		if h.open == nil {
			h.open = map[int]*handle{}
		}
		o = &handle{f: f}
		h.open[i] = o
	}
	o.users++
	return o.f, nil
}

// give ends a take, and closes the file that was idle longest if too many are.
func (h *handles) give(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick++
	o := h.open[i]
	o.users--
	o.last = h.tick
	idle, oldest := 0, -1
	for j, o := range h.open {
		if o.users > 0 {
			continue
		}
		idle++
		if oldest < 0 || o.last < h.open[oldest].last {
			oldest = j
		}
	}
	if idle > maxIdle {
		_ = h.open[oldest].f.Close() // only ever read
		delete(h.open, oldest)
	}
}

func (h *handles) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, o := range h.open {
		errs = append(errs, o.f.Close())
	}
	h.open = nil
	return errors.Join(errs...)
}
