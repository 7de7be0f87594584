package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/transfer"
)

// fake is an engine in memory. It takes what an archive holds, and knows nothing
// by a name that Tag did not give it.
type fake struct {
	traits   place.Traits
	oneImage bool

	mu      sync.Mutex
	content mem.Place
	loaded  map[v1.Hash]bool
	shown   map[string]v1.Hash // digests shown that are not those of the manifests
	loads   int
	saves   int
	loadErr error // returned at once
	saveErr error // returned at the end
}

var (
	_ engine.Loader = (*fake)(nil)
	_ engine.Saver  = (*fake)(nil)
)

func (f *fake) Traits() place.Traits {
	f.traits.Kind = "fake"
	return f.traits
}

func (f *fake) OneImage() bool { return f.oneImage }

func (f *fake) Has(ctx context.Context, root v1.Descriptor, config v1.Hash) (bool, error) {
	if config == (v1.Hash{}) && root.MediaType.IsImage() {
		return false, errors.New("no config")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded[root.Digest], context.Cause(ctx)
}

func (f *fake) Load(ctx context.Context, r io.ReadCloser) error {
	defer r.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loads++
	if f.loadErr != nil {
		return f.loadErr
	}
	src, err := archive.Read(ctx, r, archive.ReadOptions{})
	if err != nil {
		return err
	}
	defer src.Close()
	var reqs []transfer.Request
	if err := src.List(ctx, func(e place.Entry) error {
		if !strings.HasPrefix(e.Name, "@") { // how an archive shows what has no name
			return fmt.Errorf("the archive names %q", e.Name)
		}
		reqs = append(reqs, transfer.Request{Source: src, Root: e.Root})
		return nil
	}); err != nil {
		return err
	}
	if f.oneImage && len(reqs) > 1 {
		return fmt.Errorf("%d images", len(reqs))
	}
	if _, err := transfer.Copy(ctx, &f.content, reqs, transfer.Options{}); err != nil {
		return err
	}
	if f.loaded == nil {
		f.loaded = map[v1.Hash]bool{}
	}
	for _, r := range reqs {
		f.loaded[r.Root.Digest] = true
	}
	return nil
}

func (f *fake) Tag(ctx context.Context, root v1.Descriptor, _ v1.Hash, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.loaded[root.Digest] {
		return place.ErrNotFound
	}
	return f.content.Commit(ctx, root, name)
}

func (f *fake) Save(ctx context.Context, w io.Writer, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.saves++
	s, err := archive.NewStream(w, archive.Options{})
	if err != nil {
		return err
	}
	if _, err := transfer.Copy(ctx, s, []transfer.Request{{Source: &f.content, Name: name, Names: []string{name}}}, transfer.Options{}); err != nil {
		return err
	}
	_, err = w.Write(make([]byte, 8<<10)) // as tar pads
	return errors.Join(err, f.saveErr)
}

func (f *fake) Digest(ctx context.Context, name string) (v1.Hash, error) {
	if h, ok := f.shown[name]; ok {
		return h, nil
	}
	d, err := f.content.Resolve(ctx, name)
	return d.Digest, err
}

func (f *fake) List(ctx context.Context, visit func(place.Entry) error) error {
	return f.content.List(ctx, func(e place.Entry) error {
		if e.Name[0] == '@' {
			return nil // loaded, not named
		}
		return visit(place.Entry{Name: e.Name})
	})
}

// tars makes and reads archives as package open does.
func tars(t testing.TB) engine.Archive {
	dir := t.TempDir()
	return engine.Archive{
		Write: func(w io.Writer) (place.Sink, error) { return archive.NewStream(w, archive.Options{}) },
		Read: func(ctx context.Context, r io.Reader) (place.Source, error) {
			a, err := archive.Read(ctx, r, archive.ReadOptions{TempDir: dir})
			if err != nil {
				return nil, err // not a nil *Archive
			}
			return a, nil
		},
	}
}
