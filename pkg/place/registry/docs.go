package registry

import (
	"bytes"
	"errors"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// maxDocsBytes bounds the documents that one Repo keeps: four of the largest manifests.
const maxDocsBytes = 16 << 20

// docs keeps manifests and configs that passed here, verified, so that they need not
// be read twice: once to look at and once to copy. The zero value is empty.
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

// keeping returns rc, whose content is kept when all of it was read and is d.
func (s *docs) keeping(rc io.ReadCloser, d v1.Descriptor) io.ReadCloser {
	v, err := blob.NewVerifier(d)
	if err != nil || d.Size > manifest.MaxBytes {
		return rc
	}
	k := &keptReader{ReadCloser: rc, s: s, d: d}
	k.seen = io.MultiWriter(v, &k.raw)
	k.check = v.Check
	return k
}

// A keptReader gathers what is read.
type keptReader struct {
	io.ReadCloser
	s     *docs
	d     v1.Descriptor
	seen  io.Writer
	check func() error
	raw   bytes.Buffer
	bad   bool
}

func (k *keptReader) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	if _, werr := k.seen.Write(p[:n]); werr != nil {
		k.bad = true
	}
	if errors.Is(err, io.EOF) && !k.bad && k.check() == nil {
		k.s.keep(doc{d: k.d, raw: k.raw.Bytes()})
	}
	return n, err
}
