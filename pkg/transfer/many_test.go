package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

// lacking is a place with c but for the blob lost.
func lacking(t testing.TB, name string, c placetest.Content, lost v1.Hash) *mem.Place {
	t.Helper()
	p := new(mem.Place)
	for _, d := range c.Order {
		if d.Digest == lost {
			continue
		}
		if err := p.Put(context.Background(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(context.Background(), c.Root, name); err != nil {
		t.Fatal(err)
	}
	return p
}

// some are requests of which the second cannot be resolved, the third lacks its
// largest layer, and the fourth lacks one that the first has too.
func some(t *testing.T) []transfer.Request {
	t.Helper()
	a := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000, 2000}})
	b := placetest.Image(t, placetest.ImageSpec{Seed: 3, Layers: []int{100, 9000}})
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000, 50}})
	return []transfer.Request{
		{Source: load(t, "a", a), Name: "a", Names: []string{"example.com/a:1"}},
		{Source: new(mem.Place), Name: "gone", Names: []string{"example.com/gone:1"}},
		{Source: lacking(t, "b", b, b.Order[1].Digest), Name: "b", Names: []string{"example.com/b:1"}},
		{Source: lacking(t, "c", c, c.Order[0].Digest), Name: "c", Names: []string{"example.com/c:1"}},
		{Source: load(t, "d", three(t)), Name: "d", Names: []string{"example.com/d:1"}, Platforms: selection(t, "linux/arm64")},
	}
}

func checkSome(t *testing.T, results []transfer.Result, err error, sharedIsHad bool) {
	t.Helper()
	var failed *transfer.FailedError
	if !errors.As(err, &failed) || failed.Of != 5 || !errors.Is(err, place.ErrNotFound) || len(results) != 5 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, ok := range []bool{true, false, false, sharedIsHad, true} {
		if ok != (results[i].Err == nil) {
			t.Errorf("image %d: %v", i, results[i].Err)
		}
	}
	if p := results[4].Platforms; len(p) != 1 || p[0].Architecture != "arm64" || results[0].Platforms != nil {
		t.Errorf("platforms %v, %v", p, results[0].Platforms)
	}
	if results[0].Bytes() < 3000 {
		t.Errorf("%d bytes", results[0].Bytes())
	}
}

func TestKeepGoing(t *testing.T) {
	dst := new(mem.Place)
	results, err := transfer.Copy(t.Context(), dst, some(t), transfer.Options{KeepGoing: true, Jobs: 1})
	checkSome(t, results, err, true) // what the first brought is there
	if _, err := dst.Resolve(t.Context(), "example.com/d:1"); err != nil {
		t.Error(err)
	}
	if _, err := dst.Resolve(t.Context(), "example.com/b:1"); err == nil {
		t.Error("what is not whole was committed")
	}
}

// TestKeepGoingInAnArchive leaves out of an archive what cannot be had.
func TestKeepGoingInAnArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar")
	w, err := archive.Create(path, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	results, err := transfer.Copy(t.Context(), w, some(t), transfer.Options{KeepGoing: true})
	checkSome(t, results, err, true) // the layer is taken from where the first is
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var names []string
	if err := a.List(t.Context(), func(e place.Entry) error { names = append(names, e.Name); return nil }); err != nil || len(names) != 3 {
		t.Errorf("there is %q, %v", names, err)
	}
}

// TestEssential: an archive is not written without what must be in it.
func TestEssential(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar")
	for i := range 3 { // one that can be had, one that is not there, one that lacks a layer
		w, err := archive.Create(path, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		reqs := some(t)
		reqs[i].Essential = true
		_, err = transfer.Copy(t.Context(), w, reqs, transfer.Options{KeepGoing: true})
		if failed := (*transfer.FailedError)(nil); errors.As(err, &failed) != (i == 0) {
			t.Errorf("%d: %v", i, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != (i == 0) {
			t.Errorf("%d: the archive: %v", i, err)
		}
		_ = os.Remove(path)
	}
}

// cannot is a planner that takes nothing back.
type cannot struct {
	*mem.Place
	plans *int
}

func (c cannot) Traits() place.Traits { return place.Traits{Puts: 1} }

func (c cannot) Plan(_ context.Context, p place.Plan) ([]v1.Descriptor, error) {
	if *c.plans++; *c.plans > 1 {
		return nil, place.ErrUnsupported
	}
	return p.Blobs, nil
}

func TestKeepGoingInAStream(t *testing.T) {
	dst := cannot{new(mem.Place), new(int)}
	_, err := transfer.Copy(t.Context(), dst, some(t), transfer.Options{KeepGoing: true})
	if !errors.Is(err, place.ErrNotFound) || errors.Is(err, place.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if _, err := dst.Resolve(t.Context(), "example.com/a:1"); err == nil {
		t.Error("something was committed")
	}
}

// house is a sink that can mount from others of its kind.
type house struct {
	*mem.Place
	puts *atomic.Int64
}

func (h *house) Mountable(_ context.Context, _ v1.Descriptor, from place.Source) bool {
	_, ok := from.(*house)
	return ok
}

func (h *house) Mount(ctx context.Context, d v1.Descriptor, from place.Source) (bool, error) {
	return true, h.Place.Put(ctx, d, place.Opener(from, d))
}

func (h *house) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	h.puts.Add(1)
	return h.Place.Put(ctx, d, open)
}

// TestSharedMovesOnce copies images that share their layers to sinks of their own.
func TestSharedMovesOnce(t *testing.T) {
	for _, jobs := range []int{1, 8} {
		puts, rec := new(atomic.Int64), new(recorder)
		var reqs []transfer.Request
		var sinks []*house
		for i := range 6 {
			c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000, 2000, 3000 + i/3}})
			sinks = append(sinks, &house{new(mem.Place), puts})
			reqs = append(reqs, transfer.Request{Source: load(t, "a", c), Name: "a", To: sinks[i], Names: []string{fmt.Sprint(i)}})
		}
		if _, err := transfer.Copy(t.Context(), nil, reqs, transfer.Options{Jobs: jobs, Events: rec.handle}); err != nil {
			t.Fatal(err)
		}
		// Two layers of all, two of three each, two configs; and six manifests.
		if n := puts.Load(); n != 2+2+2+6 {
			t.Errorf("%d jobs: %d puts", jobs, n)
		}
		for i, s := range sinks {
			if _, err := s.Resolve(t.Context(), fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		}
		i := 0
		for _, e := range rec.events {
			if e.Kind == event.Commit {
				if e.Name != fmt.Sprint(i) {
					t.Errorf("%s is committed as number %d", e.Name, i)
				}
				i++
			}
		}
	}
}
