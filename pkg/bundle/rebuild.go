package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/delta"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Rebuilder follows recipes: give its Apply to [ReadOptions]. It rebuilds one blob
// at a time, into a file, and keeps the last until it is closed, for whoever
// asks for it again. It is safe for concurrent use.
type Rebuilder struct {
	TempDir string // "" is the system's
	Jobs    int
	Events  event.Handler

	turn sync.Mutex // held while a blob is rebuilt
	mu   sync.Mutex
	last *rebuilt
}

// inTurn marks a context within Apply, where the bases of one blob are rebuilt too.
type inTurn struct{ *Rebuilder }

// Apply opens want, made by the recipe how of bases, all of them read from src. What
// it opens has been verified.
func (r *Rebuilder) Apply(ctx context.Context, want, how v1.Descriptor, bases []Blob, src place.Source) (io.ReadCloser, error) {
	if how.MediaType != RecipeType && how.MediaType != RecipeTokensType {
		return nil, fmt.Errorf("the recipe is %.100q, not %s or %s: %w", how.MediaType, RecipeType, RecipeTokensType, place.ErrUnsupported)
	}
	if ctx.Value(inTurn{r}) == nil {
		r.turn.Lock()
		defer r.turn.Unlock()
		ctx = context.WithValue(ctx, inTurn{r}, true)
	}
	if rc := r.kept(want.Digest); rc != nil {
		return rc, nil
	}
	f, err := r.rebuild(ctx, want, how, bases, src)
	if err != nil {
		return nil, err
	}
	return r.keep(f)
}

func (r *Rebuilder) rebuild(ctx context.Context, want, how v1.Descriptor, bases []Blob, src place.Source) (*rebuilt, error) {
	f, err := os.CreateTemp(r.TempDir, "dray-layer-*")
	if err != nil {
		return nil, fmt.Errorf("to a temporary file: %w", err)
	}
	_ = os.Remove(f.Name()) // where the system allows it
	b := &rebuilt{f: f, digest: want.Digest, size: want.Size, users: 1}
	base := func(need delta.Base) (delta.Blob, error) {
		for _, b := range bases {
			if b.Digest == need.Digest && b.Size == need.Size {
				return delta.Blob{Desc: b.Descriptor(), Open: place.Opener(src, b.Descriptor())}, nil
			}
		}
		return delta.Blob{}, fmt.Errorf("the update does not say that %s is needed: %w", need.Digest, place.ErrInvalid)
	}
	err = delta.Apply(ctx, want, place.Opener(src, how), base, f, delta.Options{TempDir: r.TempDir, Spare: want.Size, Jobs: r.Jobs, Events: r.Events})
	if err != nil {
		return nil, errors.Join(err, b.release())
	}
	return b, nil
}

// keep makes b the one that is kept, and opens it.
func (r *Rebuilder) keep(b *rebuilt) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.last
	r.last = b
	if old != nil {
		if err := old.release(); err != nil {
			return nil, err
		}
	}
	return b.open(), nil
}

func (r *Rebuilder) kept(h v1.Hash) io.ReadCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || r.last.digest != h {
		return nil
	}
	return r.last.open()
}

// Close gives back what is kept. Readers may still be open.
func (r *Rebuilder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		return nil
	}
	b := r.last
	r.last = nil
	return b.release()
}

// rebuilt is a blob in a file without a name, which goes with its last user.
type rebuilt struct {
	f      *os.File
	digest v1.Hash
	size   int64

	mu    sync.Mutex
	users int
}

func (b *rebuilt) release() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users--; b.users > 0 {
		return nil
	}
	err := b.f.Close()
	if rerr := os.Remove(b.f.Name()); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}

// open opens b once more; its file must be held by somebody.
func (b *rebuilt) open() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users++
	return &rebuiltReader{SectionReader: io.NewSectionReader(b.f, 0, b.size), b: b}
}

var _ place.File = (*rebuiltReader)(nil)

type rebuiltReader struct {
	*io.SectionReader
	b    *rebuilt
	once sync.Once
}

func (r *rebuiltReader) Close() (err error) {
	r.once.Do(func() { err = r.b.release() })
	return err
}
