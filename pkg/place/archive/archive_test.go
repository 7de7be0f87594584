package archive_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

const name = "example.com/team/app:1.0"

var forms = []archive.Form{archive.Hybrid, archive.Docker, archive.OCI}

func TestFileIsAPlace(t *testing.T) {
	for _, form := range forms {
		t.Run(string(form), func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
				path := filepath.Join(t.TempDir(), "images.tar")
				return placetest.Doors{
					Sink: func(t *testing.T) place.Sink { return create(t, path, archive.Options{As: form}) },
					Source: func(t *testing.T) place.Source {
						if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
							return nil
						}
						return open(t, path, archive.ReadOptions{})
					},
					Name: name,
				}
			}})
		})
	}
}

func TestStreamIsAPlace(t *testing.T) {
	for _, form := range forms {
		t.Run(string(form), func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(*testing.T) placetest.Doors {
				var buf bytes.Buffer
				return placetest.Doors{
					Sink: func(t *testing.T) place.Sink {
						buf.Reset()
						return stream(t, &buf, archive.Options{As: form})
					},
					Source: func(t *testing.T) place.Source {
						a, err := archive.Read(t.Context(), bytes.NewReader(buf.Bytes()), archive.ReadOptions{TempDir: t.TempDir()})
						if errors.Is(err, place.ErrInvalid) {
							return nil // it has no end
						}
						if err != nil {
							t.Fatal(err)
						}
						return a
					},
					Name: name,
				}
			}})
		})
	}
}

func create(t testing.TB, path string, o archive.Options) *archive.Writer {
	t.Helper()
	w, err := archive.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func stream(t testing.TB, buf *bytes.Buffer, o archive.Options) *archive.Stream {
	t.Helper()
	s, err := archive.NewStream(buf, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, path string, o archive.ReadOptions) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A named content is what a test writes.
type named struct {
	placetest.Content
	names []string
}

// plan is the plan for all of them, in an order that depends on seed.
func plan(seed uint64, images ...named) (place.Plan, map[v1.Hash][]byte) {
	p, content := place.Plan{Docs: map[v1.Hash][]byte{}}, map[v1.Hash][]byte{}
	for _, img := range images {
		one := img.Plan(img.names...)
		p.Roots = append(p.Roots, one.Roots...)
		for _, b := range one.Blobs {
			if _, ok := content[b.Digest]; !ok {
				p.Blobs, content[b.Digest] = append(p.Blobs, b), img.Bytes[b.Digest]
			}
		}
		for h, raw := range one.Docs {
			p.Docs[h] = raw
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(p.Blobs), func(i, j int) { p.Blobs[i], p.Blobs[j] = p.Blobs[j], p.Blobs[i] })
	r.Shuffle(len(p.Roots), func(i, j int) { p.Roots[i], p.Roots[j] = p.Roots[j], p.Roots[i] })
	return p, content
}

type sink interface {
	place.Sink
	place.Planner
}

// write does what a transfer does, with Puts in an order that depends on seed.
func write(ctx context.Context, s sink, seed uint64, images ...named) error {
	p, content := plan(seed, images...)
	return carry(ctx, s, seed, p, content)
}

func carry(ctx context.Context, s sink, seed uint64, p place.Plan, content map[v1.Hash][]byte) error {
	todo, err := s.Plan(ctx, p)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	g, gctx := errgroup.WithContext(ctx)
	if n := s.Traits().Puts; n > 0 {
		g.SetLimit(n)
	} else {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	}
	for _, d := range todo {
		g.Go(func() error { return s.Put(gctx, d, blob.Bytes(content[d.Digest])) })
	}
	if err := g.Wait(); err != nil {
		return errors.Join(err, s.Close())
	}
	for _, r := range p.Roots {
		if err := s.Commit(ctx, r.Descriptor, r.Names...); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

// inFolder lists what is in the folder of path.
func inFolder(t testing.TB, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
