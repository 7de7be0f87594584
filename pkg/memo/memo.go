// Package memo keeps small things in a file that are expensive to find out again
// and may be forgotten without harm: which files were verified, where content was seen.
package memo

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

const (
	// maxEntries bounds what is kept; the oldest is forgotten.
	maxEntries = 4096
	// maxLine bounds one entry: a repository, a digest, some numbers.
	maxLine = 512
)

// A Memo is values under keys, of which it keeps the newest 4096, or as many as it was
// made for. A nil *Memo, and one without a file, remembers nothing. It is safe for concurrent use; several
// processes may use one file, and the last to save wins what both have said.
type Memo struct {
	path string
	most int // entries

	mu      sync.Mutex
	loaded  bool
	values  map[string]string
	changed []string        // keys that were put, in order
	fresh   map[string]bool // the same
}

// New returns the memo in the file at path, which needs not exist. It opens nothing.
func New(path string) *Memo { return NewOf(path, maxEntries) }

// NewOf is New for so many entries.
func NewOf(path string, entries int) *Memo { return &Memo{path: path, most: entries} }

// Get returns the value under key, or "".
func (m *Memo) Get(key string) string {
	if m == nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.loaded {
		m.loaded = true
		put := m.values
		m.values, _ = m.read()
		for k, v := range put {
			m.values[k] = v
		}
	}
	return m.values[key]
}

// Put has value remembered under key, from the next Save on also by others. What
// has a line break, or a tab in its key, or more than 500 bytes, is not.
func (m *Memo) Put(key, value string) {
	if m == nil || strings.ContainsAny(key, "\t\n\r") || strings.ContainsAny(value, "\n\r") || len(key)+len(value) > maxLine-12 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fresh == nil {
		m.fresh = map[string]bool{}
	}
	if m.values == nil {
		m.values = map[string]string{}
	}
	m.values[key] = value
	if !m.fresh[key] {
		m.fresh[key] = true
		m.changed = append(m.changed, key)
	}
}

// read returns what the file says, and its keys from the oldest to the newest.
// What cannot be read is forgotten.
func (m *Memo) read() (values map[string]string, order []string) {
	values = map[string]string{}
	f, err := os.Open(m.path)
	if err != nil {
		return values, nil
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, int64(m.most)*maxLine))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), "\t"); ok {
			if _, twice := values[key]; !twice {
				order = append(order, key)
			}
			values[key] = value
		}
	}
	return values, order
}

// Save writes down what was put since the last time, if it is news. Its error may
// be passed over.
func (m *Memo) Save() error {
	if m == nil || m.path == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	values, keys, news := m.merge()
	m.changed, m.fresh = nil, nil
	if !news {
		return nil
	}
	return m.write(keys, values)
}

// merge returns what the file is to say.
func (m *Memo) merge() (values map[string]string, keys []string, news bool) {
	if len(m.changed) == 0 {
		return nil, nil, false
	}
	values, keys = m.read()
	keys = slices.DeleteFunc(keys, func(key string) bool { return m.fresh[key] })
	for _, key := range m.changed {
		news = news || values[key] != m.values[key]
		values[key] = m.values[key]
	}
	keys = append(keys, m.changed...)
	return values, keys[max(0, len(keys)-m.most):], news
}

// write replaces the file. It is not synced: a lost one is not missed.
func (m *Memo) write(keys []string, values map[string]string) error {
	dir := filepath.Dir(m.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(m.path)+".*")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, key := range keys {
		_, _ = w.WriteString(key + "\t" + values[key] + "\n") // Flush says if it failed
	}
	err = errors.Join(w.Flush(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), m.path)
	}
	if err != nil {
		if rerr := os.Remove(f.Name()); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}
