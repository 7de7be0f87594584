package registry

import (
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxDocsBytes bounds the manifests that one Repo keeps: four of the largest.
const maxDocsBytes = 16 << 20

// docs keeps manifests that passed here, verified, so that they need not be
// read twice: once to look at and once to commit. The zero value is empty.
type docs struct {
	mu    sync.Mutex
	byKey map[v1.Hash]doc
	order []v1.Hash
	bytes int
}

type doc struct {
	d   v1.Descriptor
	raw []byte
	put bool // the registry has it, from here
}

func (s *docs) get(h v1.Hash) (doc, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.byKey[h]
	return d, ok
}

// keep keeps d, and forgets the oldest when there are too many.
func (s *docs) keep(d doc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = map[v1.Hash]doc{}
	}
	if old, ok := s.byKey[d.d.Digest]; ok {
		old.put = old.put || d.put
		s.byKey[d.d.Digest] = old
		return
	}
	s.byKey[d.d.Digest] = d
	s.order = append(s.order, d.d.Digest)
	s.bytes += len(d.raw)
	for s.bytes > maxDocsBytes {
		s.bytes -= len(s.byKey[s.order[0]].raw)
		delete(s.byKey, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *docs) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey, s.order, s.bytes = nil, nil, 0
}
