package memo

import (
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// A file that changes twice between two ticks of its file system's clock looks the
// same after both. These are longer than any tick: of clocks that count parts of a
// second, 10 ms at most, and of those that do not, up to 2 s.
const (
	settles       = 20 * time.Millisecond
	settlesSlowly = 5 * time.Second
)

// Verified remembers which files hold what. For as long as a file is the same by
// all that the system says of it, the time of its last change included, which
// nobody can set, it need not be read again. On systems that tell too little it
// remembers nothing. A nil *Verified knows nothing. It is safe for concurrent use.
type Verified struct {
	memo *Memo

	mu    sync.Mutex
	fresh map[string]claim // by key
}

// A claim is what was put.
type claim struct {
	identity
	content string
}

// An identity is a file at one time.
type identity struct {
	key     string // device and number
	state   string // what is different after any change
	changed time.Time
}

// NewVerified returns what the file at path says of files. It opens nothing.
func NewVerified(path string) *Verified {
	return &Verified{memo: New(path), fresh: map[string]claim{}}
}

// Is reports whether the file that fi was taken of was seen to hold content, a
// name without line breaks.
func (v *Verified) Is(fi fs.FileInfo, content string) bool {
	if v == nil {
		return false
	}
	id, ok := identify(fi)
	return ok && v.memo.Get(id.key) == id.state+" "+content
}

// Put remembers that the file that fi was taken of holds content. It was written,
// or read from start to end, without changing meanwhile.
func (v *Verified) Put(fi fs.FileInfo, content string) {
	if v == nil {
		return
	}
	if id, ok := identify(fi); ok {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.fresh[id.key] = claim{id, content}
	}
}

// Save writes down what was put, but for files that have changed just now. For
// most file systems it can wait until that is no longer so. Its error may be
// passed over: what is not remembered is read again.
func (v *Verified) Save() error {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, c := range v.fresh {
		if c.settled() {
			v.memo.Put(key, c.state+" "+c.content)
		}
	}
	clear(v.fresh)
	return v.memo.Save()
}

// settled reports whether any change after this one would show. It waits for that
// if it does not take long.
func (id identity) settled() bool {
	if id.changed.Nanosecond() == 0 {
		return time.Since(id.changed) > settlesSlowly
	}
	time.Sleep(min(settles, time.Until(id.changed.Add(settles)))) // not for long, should the file be from the future
	return time.Since(id.changed) >= settles
}

func newIdentity(device, number uint64, fi fs.FileInfo, changed time.Time) identity {
	return identity{
		key:     fmt.Sprintf("%d:%d", device, number),
		state:   fmt.Sprintf("%d %d %d", fi.Size(), fi.ModTime().UnixNano(), changed.UnixNano()),
		changed: changed,
	}
}
