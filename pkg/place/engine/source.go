package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Source reads images from an engine. The first time that a name is resolved
// the engine saves its image, all of it; from then on it is read from there.
type Source struct {
	engine  Saver
	archive Archive
	name    string // what an empty name means; empty for the only one there is
	events  event.Handler

	saving sync.Mutex // one image at a time: engines are busy enough with one
	mu     sync.Mutex
	saved  map[string]*saved
}

type saved struct {
	place.Source
	root v1.Descriptor
}

var (
	_ place.Source = (*Source)(nil)
	_ place.Ranger = (*Source)(nil)
	_ place.Lister = (*Source)(nil)
)

// NewSource returns a source that reads from e the archives that a understands.
// Name is what Resolve takes an empty name for, and where Open looks before
// anything was resolved; it may be empty too. The source notes at events when an
// image comes out under another digest than the engine shows for it.
func NewSource(e Saver, a Archive, name string, events event.Handler) *Source {
	return &Source{engine: e, archive: a, name: name, events: events, saved: map[string]*saved{}}
}

// Resolve has the engine save name, unless it has before, and returns what came.
// A name with a digest stands for that digest or for nothing.
func (s *Source) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	if name == "" {
		name = s.name
	}
	if name == "" {
		var err error
		if name, err = s.only(ctx); err != nil {
			return v1.Descriptor{}, err
		}
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	if got, ok := s.lookup(name); ok {
		return got.root, nil
	}
	got, err := s.save(ctx, name)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading %s: %w", name, err)
	}
	s.mu.Lock()
	s.saved[name] = got
	s.mu.Unlock()
	return got.root, nil
}

func (s *Source) lookup(name string) (*saved, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got, ok := s.saved[name]
	return got, ok
}

// all returns what was saved; the image that an empty name means if nothing was.
func (s *Source) all(ctx context.Context) ([]*saved, error) {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.saved))
	s.mu.Unlock()
	if len(all) > 0 {
		return all, nil
	}
	if _, err := s.Resolve(ctx, ""); err != nil {
		return nil, err
	}
	return s.all(ctx)
}

// only returns the only name there is.
func (s *Source) only(ctx context.Context) (string, error) {
	var names []string
	err := s.List(ctx, func(e place.Entry) error { names = append(names, e.Name); return nil })
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", fmt.Errorf("there is no image: %w", place.ErrNotFound)
	case len(names) > 1:
		return "", &place.ChoiceError{Choices: names}
	}
	return names[0], nil
}

// save pipes the archive of name from the engine to its reader.
func (s *Source) save(ctx context.Context, name string) (*saved, error) {
	shown, err := s.engine.Digest(ctx, name)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := s.engine.Save(ctx, w, name)
		w.CloseWithError(err) // nil: the end of the archive
		done <- err
	}()
	src, err := s.archive.Read(ctx, r)
	if err == nil {
		_, err = io.CopyN(io.Discard, r, maxTailBytes)
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	r.CloseWithError(errNobodyReads)
	if saveErr := <-done; saveErr != nil && !errors.Is(saveErr, errNobodyReads) {
		err = saveErr // of which the reader's is only the consequence
	}
	if err != nil {
		if src != nil {
			err = errors.Join(err, src.Close())
		}
		return nil, err
	}
	root, err := s.check(ctx, src, name, shown)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return &saved{src, root}, nil
}

// maxTailBytes is how much an engine may write after what its reader needs: tar
// pads archives to 10 KiB.
const maxTailBytes = 1 << 20

var errNobodyReads = errors.New("the archive is read no further")

// check resolves what was saved, and compares its digest with the one that was
// asked for and the one that the engine shows.
func (s *Source) check(ctx context.Context, src place.Source, name string, shown v1.Hash) (v1.Descriptor, error) {
	root, err := src.Resolve(ctx, "")
	if err != nil {
		return v1.Descriptor{}, err
	}
	got := root.Digest.String()
	if _, asked, ok := strings.Cut(name, "@"); ok && asked != got {
		return v1.Descriptor{}, fmt.Errorf("the engine gives it out as %s: %w", got, place.ErrUnsupported)
	}
	if shown != (v1.Hash{}) && shown != root.Digest {
		s.events.Emit(event.Event{
			Kind: event.Note, Name: name,
			Text: fmt.Sprintf("%s comes out as %s, not as %s: the engine unpacked its layers, and cannot pack them as they were", name, got, shown),
		})
	}
	return root, nil
}

// Open opens d in what was saved for the names that were resolved.
func (s *Source) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, d, 0, -1)
}

// OpenRange is Open for length bytes from offset on.
func (s *Source) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	all, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, from := range all {
		rc, err := place.OpenRange(ctx, from.Source, d, offset, length)
		if !errors.Is(err, place.ErrNotFound) {
			return rc, err
		}
	}
	return nil, fmt.Errorf("%s: %w", d.Digest, place.ErrNotFound)
}

// List visits the names that the engine has.
func (s *Source) List(ctx context.Context, visit func(place.Entry) error) error {
	return s.engine.List(ctx, visit)
}

// Close removes what was saved.
func (s *Source) Close() error {
	var errs []error
	for _, from := range s.saved {
		errs = append(errs, from.Close())
	}
	s.saved = map[string]*saved{}
	return errors.Join(errs...)
}
