package open

import (
	"sync"

	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/ref"
)

// near is the local store beside registries. All sources that look into it share
// one, however many there are: each open store holds a lock, and so a file.
type near struct {
	mu    sync.Mutex
	store *store.Store
	users int
}

// use returns the store, which is opened by the first user and closed by the last.
func (n *near) use(open func() (*store.Store, error)) (*nearUse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users == 0 {
		s, err := open()
		if err != nil {
			return nil, err
		}
		n.store = s
	}
	n.users++
	return &nearUse{Store: n.store, near: n}, nil
}

type nearUse struct {
	*store.Store
	near *near
	once sync.Once
}

func (u *nearUse) Close() (err error) {
	u.once.Do(func() {
		u.near.mu.Lock()
		defer u.near.mu.Unlock()
		if u.near.users--; u.near.users == 0 {
			err = u.Store.Close()
		}
	})
	return err
}

// At returns s as what r names, if that lies in the same archive, layout or store,
// which is then not read again. Closing either closes both.
func (s *Source) At(r ref.Ref) (*Source, bool) {
	if s.Ref.Kind != r.Kind || s.Ref.Path != r.Path {
		return nil, false
	}
	switch r.Kind {
	case ref.Store:
		return &Source{Source: s.Source, Ref: r, Name: nameOf(r)}, true
	case ref.OCIDir, ref.OCIArchive, ref.DockerArchive, ref.Path:
		return &Source{Source: s.Source, Ref: r, Name: r.Image}, true
	}
	return nil, false
}
