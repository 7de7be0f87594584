package far_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/far"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/store"
)

// connect returns a connection to a far end that opens what o says.
func connect(t *testing.T, o far.Options) *far.Conn {
	t.Helper()
	near, there := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- far.Serve(context.WithoutCancel(t.Context()), there, o) }()
	c := far.NewConn("there", near)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the far end: %v", err)
		}
	})
	return c
}

// TestPlaces: whatever is far is as good as near.
func TestPlaces(t *testing.T) {
	for name, open := range map[string]struct {
		source func(path string) (place.Source, error)
		sink   func(path string) (place.Sink, error)
		name   string
	}{
		"layout": {
			func(path string) (place.Source, error) { return ocidir.New(path, nil), nil },
			func(path string) (place.Sink, error) { return ocidir.New(path, nil), nil },
			"example.com/a:1",
		},
		"store": {
			func(path string) (place.Source, error) { return store.New(path, nil), nil },
			func(path string) (place.Sink, error) { return store.New(path, nil), nil },
			"example.com/a:1",
		},
		"archive": {
			func(path string) (place.Source, error) {
				src, err := archive.Open(context.Background(), path+".tar", archive.ReadOptions{})
				if errors.Is(err, place.ErrNotFound) {
					return new(mem.Place), nil
				}
				return src, err
			},
			func(path string) (place.Sink, error) { return archive.Create(path+".tar", archive.Options{}) },
			"example.com/a:1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
				c := connect(t, far.Options{
					Source: func(_ context.Context, name string) (place.Source, string, error) {
						src, err := open.source(name)
						return src, "", err
					},
					Sink: func(_ context.Context, name, _ string) (place.Sink, error) { return open.sink(name) },
				})
				path := filepath.Join(t.TempDir(), "place")
				return placetest.Doors{
					Sink: func(t *testing.T) place.Sink {
						s, err := c.Sink(t.Context(), path, "")
						if err != nil {
							t.Fatal(err)
						}
						return s
					},
					Source: func(t *testing.T) place.Source {
						s, _, err := c.Source(t.Context(), path)
						if err != nil {
							t.Fatal(err)
						}
						return s
					},
					Name: open.name,
				}
			}})
		})
	}
}

func Example() {
	near, there := net.Pipe()
	ended := make(chan error)
	ctx := context.Background()
	go func() {
		ended <- far.Serve(ctx, there, far.Options{Source: func(_ context.Context, name string) (place.Source, string, error) {
			return nil, "", fmt.Errorf("opening %s: %w", name, place.ErrNotFound)
		}})
	}()
	c := far.NewConn("there", near)
	_, _, err := c.Source(ctx, "store:app:1")
	fmt.Println(err)
	fmt.Println(c.Close(), <-ended)
	// Output:
	// there: opening store:app:1: not found
	// <nil> <nil>
}

// A lastingSink begins in Plan what goes on until it is closed.
type lastingSink struct {
	mem.Place
	began context.Context
}

func (s *lastingSink) Plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	s.began = ctx
	return p.Blobs, nil
}

// TestWhatIsBegunLasts: what a sink begins ends when it is closed, not with the
// request that began it.
func TestWhatIsBegunLasts(t *testing.T) {
	sink := new(lastingSink)
	c := connect(t, far.Options{Sink: func(context.Context, string, string) (place.Sink, error) { return sink, nil }})
	s, err := c.Sink(t.Context(), "any", "")
	if err != nil {
		t.Fatal(err)
	}
	image := placetest.Image(t, placetest.ImageSpec{})
	planner, ok := place.As[place.Planner](s)
	if !ok {
		t.Fatal("it plans no more")
	}
	if _, err := planner.Plan(t.Context(), image.Plan("a:1")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Has(t.Context(), image.Root); err != nil || sink.began.Err() != nil {
		t.Errorf("it has ended: %v, %v", err, sink.began.Err())
	}
	if err := s.Close(); err != nil || sink.began.Err() == nil {
		t.Errorf("it goes on: %v", err)
	}
}
