// Package store is the local store: an OCI image layout that any tool can read,
// whose names are full image names, with a lock that lets many readers and
// writers work at once and content be removed only when nobody does.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A Store is the store in one folder, as source and sink. It is safe for
// concurrent use, also beside other processes. Close gives its lock back.
type Store struct {
	dir    layout.Dir
	reader layout.Reader
	finder layout.Finder

	mu     sync.Mutex
	unlock func()
}

var (
	_ place.Source         = (*Store)(nil)
	_ place.Sink           = (*Store)(nil)
	_ place.Committer      = (*Store)(nil)
	_ place.Ranger         = (*Store)(nil)
	_ place.Lister         = (*Store)(nil)
	_ place.Referrer       = (*Store)(nil)
	_ place.ReferrerLister = (*Store)(nil)
	_ place.Remover        = (*Store)(nil)
)

// New returns the store in the folder path, which needs not exist; it opens
// nothing. events may be nil.
func New(path string, events event.Handler) *Store {
	return &Store{dir: layout.Dir{Path: path, Events: events}}
}

// Remember has what was verified here kept in v, so that what changes behind the
// store's back is seen. It is called before any other method.
func (s *Store) Remember(v *memo.Verified) { s.dir.Verified = v }

// Path returns the folder of the store, an OCI layout.
func (s *Store) Path() string { return s.dir.Path }

// hold is lock for those who read: they do not make a store where none is.
func (s *Store) hold(ctx context.Context) error {
	if _, err := os.Lstat(s.dir.Path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.lock(ctx)
}

// lock takes the lock that keeps content from being removed, for as long as the
// store is open. Who may not write there may still read what does not change.
func (s *Store) lock(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unlock != nil {
		return nil
	}
	unlock, err := s.dir.Lock(ctx, false)
	switch {
	case errors.Is(err, fs.ErrPermission):
		unlock = func() {}
	case err != nil:
		return fmt.Errorf("opening store: %w", err)
	}
	s.unlock = unlock
	return nil
}

// Close gives the lock back.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unlock != nil {
		s.unlock()
		s.unlock = nil
	}
	_ = s.dir.Verified.Save() // what is not remembered is read again
	return nil
}

// shortDigest is how people copy digests: with or without the algorithm, cut.
var shortDigest = regexp.MustCompile(`^(?:sha256:)?([0-9a-f]{6,64})$`)

// Resolve returns what name stands for: a name by Docker Hub's rules, with a
// digest or without, "@" and a digest, or the beginning of one (6 digits or
// more) if only one image begins so.
func (s *Store) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	e, err := s.Find(ctx, name)
	return e.Root, err
}

// Find is Resolve that also returns the name as the store has it; the name is
// empty if name was a digest that stands under no name or under several.
func (s *Store) Find(ctx context.Context, name string) (place.Entry, error) {
	if err := s.hold(ctx); err != nil {
		return place.Entry{}, err
	}
	x, err := s.names()
	if err != nil {
		return place.Entry{}, err
	}
	e, err := s.find(ctx, x, name)
	if err != nil {
		return place.Entry{}, fmt.Errorf("looking in the store: %w", err)
	}
	return e, nil
}

func (s *Store) find(ctx context.Context, x *layout.Index, name string) (place.Entry, error) {
	if digest, ok := strings.CutPrefix(name, "@"); ok {
		return s.byDigest(ctx, x, digest)
	}
	if name == "" {
		root, err := x.Pick("")
		return place.Entry{Name: layout.Name(root), Root: root}, err
	}
	n, err := ref.ParseName(name)
	if err == nil && n.Digest != "" {
		return s.byDigest(ctx, x, n.Digest.String())
	}
	if err == nil {
		root, perr := x.Pick(n.Tagged())
		if perr == nil {
			return place.Entry{Name: n.Tagged(), Root: root}, nil
		}
		err = fmt.Errorf("%q: %w", n.Tagged(), place.ErrNotFound)
		// store:3fbc63216742 comes here as docker.io/library/3fbc63216742:latest
		if short, ok := strings.CutPrefix(n.Repository, "library/"); ok && n.Tag == "latest" {
			name = short
		}
	}
	if e, ok := byPrefix(x, name); ok {
		return e, nil
	}
	return place.Entry{}, err
}

// byDigest finds a root, or a manifest that only an index in the store names.
func (s *Store) byDigest(ctx context.Context, x *layout.Index, digest string) (place.Entry, error) {
	if root, err := x.Pick("@" + digest); err == nil {
		return place.Entry{Name: onlyName(x, root.Digest), Root: root}, nil
	}
	h, err := v1.NewHash(digest)
	if err != nil {
		return place.Entry{}, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	root, err := s.dir.ResolveDigest(ctx, h)
	return place.Entry{Root: root}, err
}

func byPrefix(x *layout.Index, name string) (place.Entry, bool) {
	m := shortDigest.FindStringSubmatch(name)
	if m == nil {
		return place.Entry{}, false
	}
	var found v1.Descriptor
	for _, e := range x.List() {
		if !strings.HasPrefix(e.Root.Digest.Hex, m[1]) {
			continue
		}
		if found.Digest.Hex != "" && found.Digest != e.Root.Digest {
			return place.Entry{}, false
		}
		found = e.Root
	}
	return place.Entry{Name: onlyName(x, found.Digest), Root: found}, found.Digest.Hex != ""
}

// onlyName returns the name of h if it has exactly one.
func onlyName(x *layout.Index, h v1.Hash) string {
	name := ""
	for _, e := range x.List() {
		if e.Root.Digest != h {
			continue
		}
		if name != "" {
			return ""
		}
		name = e.Name
	}
	return name
}

// names returns the names, to be read only; a store that was never written has none.
func (s *Store) names() (*layout.Index, error) {
	x, _, err := s.reader.Read(s.dir)
	return orNone(x, err)
}

// index reads the names anew.
func (s *Store) index() (*layout.Index, error) { return orNone(s.dir.Index()) }

func orNone(x *layout.Index, err error) (*layout.Index, error) {
	if errors.Is(err, place.ErrNotFound) {
		return layout.NewIndex(), nil
	}
	return x, err
}

// Open opens the content of desc.
func (s *Store) Open(ctx context.Context, desc v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, desc, 0, -1)
}

// OpenRange opens a part of the content of desc.
func (s *Store) OpenRange(ctx context.Context, desc v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	f, err := s.dir.OpenBlob(desc.Digest)
	if err != nil {
		return nil, fmt.Errorf("reading store: %w", err)
	}
	rc, err := blob.Section(f, offset, length)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("reading store: %s: %w", desc.Digest, err)
	}
	return rc, nil
}

// List visits the names.
func (s *Store) List(ctx context.Context, visit func(place.Entry) error) error {
	if err := s.hold(ctx); err != nil {
		return err
	}
	x, err := s.names()
	if err != nil {
		return err
	}
	for _, e := range x.List() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Referrers returns what belongs to desc.
func (s *Store) Referrers(ctx context.Context, desc v1.Descriptor) ([]v1.Descriptor, error) {
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	list, err := s.finder.Referrers(ctx, s.dir, desc.Digest, false)
	if errors.Is(err, place.ErrNotFound) { // a store that was never written
		return nil, nil
	}
	return list, err
}

// ListReferrers visits what belongs to images.
func (s *Store) ListReferrers(ctx context.Context, visit func(place.Entry) error) error {
	if err := s.hold(ctx); err != nil {
		return err
	}
	x, err := s.names()
	if err != nil {
		return err
	}
	for _, e := range x.ListReferrers() {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Traits: the store takes everything.
func (s *Store) Traits() place.Traits {
	return place.Traits{Kind: "store", Sparse: true, Referrers: true}
}

// Has reports whether the content of desc is there. All content of the store was
// verified before it got its name. Where that is remembered, a file that has changed
// since is read, and counts only if it is right: see [Store.Remember]; else it is not
// read again: see [Store.Check].
func (s *Store) Has(ctx context.Context, desc v1.Descriptor) (bool, error) {
	if err := s.hold(ctx); err != nil {
		return false, err
	}
	if s.dir.Verified == nil || !memo.Remembers {
		return s.dir.HasBlob(desc), nil
	}
	return s.dir.HasBlob(desc) && s.dir.EnsureBlob(ctx, desc) == nil, ctx.Err()
}

// Put stores the content of desc, going on from what an interrupted Put left.
func (s *Store) Put(ctx context.Context, desc v1.Descriptor, open blob.Opener) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	if err := s.dir.PutBlob(ctx, desc, open); err != nil {
		return fmt.Errorf("writing store: %w", err)
	}
	return nil
}

// Commit makes root stand under names, which are image names by Docker Hub's rules;
// what belongs to an image without one may have a mere tag.
func (s *Store) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	return s.CommitAll(ctx, []place.Root{{Descriptor: root, Names: names}})
}

// CommitAll is [Store.Commit] for many.
func (s *Store) CommitAll(ctx context.Context, roots []place.Root) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	full := make([][]string, len(roots))
	for i, r := range roots {
		if !s.dir.HasBlob(r.Descriptor) {
			return fmt.Errorf("writing store: %s was not put: %w", r.Descriptor.Digest, place.ErrNotFound)
		}
		var err error
		if full[i], err = fullNames(r); err != nil {
			return fmt.Errorf("writing store: %w", err)
		}
	}
	return s.dir.Update(ctx, func(x *layout.Index) error {
		for i, r := range roots {
			x.Add(r.Descriptor, full[i]...)
		}
		return nil
	})
}

// fullNames returns the names of r by Docker Hub's rules, the mere tags of what
// belongs to images as they are.
func fullNames(r place.Root) ([]string, error) {
	full := make([]string, 0, len(r.Names))
	for _, name := range r.Names {
		if r.Descriptor.Annotations[place.AnnotationSubject] != "" && !strings.ContainsRune(name, '/') {
			full = append(full, name)
			continue
		}
		n, err := ref.ParseName(name)
		if err != nil {
			return nil, err
		}
		if n.Tag != "" {
			n.Digest = ""
		}
		full = append(full, n.String())
	}
	return full, nil
}

// Remove removes a name, or with "@sha256:…" every name of that image. The
// content stays until [Store.Prune].
func (s *Store) Remove(ctx context.Context, name string) error {
	return s.dir.Update(ctx, func(x *layout.Index) error {
		if digest, ok := strings.CutPrefix(name, "@"); ok {
			if h, err := v1.NewHash(digest); err == nil && x.RemoveDigest(h) {
				return nil
			}
			return fmt.Errorf("looking in the store: %q: %w", name, place.ErrNotFound)
		}
		n, err := ref.ParseName(name)
		if err != nil {
			return err
		}
		if !x.Remove(n.String()) && !x.Remove(n.Tagged()) {
			return fmt.Errorf("looking in the store: %q: %w", name, place.ErrNotFound)
		}
		return nil
	})
}
