package store_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/store"
)

func TestPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		path := filepath.Join(t.TempDir(), "store")
		return placetest.Doors{
			Sink:   func(*testing.T) place.Sink { return store.New(path, nil) },
			Source: func(*testing.T) place.Source { return store.New(path, nil) },
			Name:   "docker.io/library/alpine:3.20",
		}
	}})
}

func put(t *testing.T, s *store.Store, c placetest.Content, names ...string) {
	t.Helper()
	for _, b := range c.Order {
		if err := s.Put(t.Context(), b, blob.Bytes(c.Bytes[b.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(t.Context(), c.Root, names...); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, events event.Handler) *store.Store {
	s := store.New(filepath.Join(t.TempDir(), "store"), events)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestNames(t *testing.T) {
	s := open(t, nil)
	one, two := placetest.Image(t, placetest.ImageSpec{}), placetest.Image(t, placetest.ImageSpec{Seed: 2})
	put(t, s, one, "alpine")
	put(t, s, two, "ghcr.io/a/b:1", "ghcr.io/a/b@"+two.Root.Digest.String())
	for name, want := range map[string]placetest.Content{
		"alpine": one, "alpine:latest": one, "docker.io/library/alpine": one, "index.docker.io/library/alpine:latest": one,
		"alpine@" + one.Root.Digest.String(): one, "@" + one.Root.Digest.String(): one,
		one.Root.Digest.Hex[:12]: one, one.Root.Digest.String(): one,
		"ghcr.io/a/b:1": two, "ghcr.io/a/b@" + two.Root.Digest.String(): two,
		"ghcr.io/a/b:moved@" + two.Root.Digest.String(): two,
	} {
		got, err := s.Resolve(t.Context(), name)
		if err != nil || got.Digest != want.Root.Digest {
			t.Errorf("%s: %v, %v", name, got.Digest, err)
		}
	}
	for _, name := range []string{"alpine:3", "ghcr.io/a/b", "abcdef123456"} {
		if got, err := s.Resolve(t.Context(), name); !errors.Is(err, place.ErrNotFound) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	var choice *place.ChoiceError
	if _, err := s.Resolve(t.Context(), ""); !errors.As(err, &choice) || len(choice.Choices) != 3 {
		t.Errorf("no name: %v", err)
	}
}

func TestPruneKeepsWhatNamesReach(t *testing.T) {
	s := open(t, nil)
	kept := placetest.Index(t, placetest.ImageSpec{}, placetest.ImageSpec{Seed: 1})
	gone := placetest.Image(t, placetest.ImageSpec{Seed: 5})
	put(t, s, kept, "kept")
	put(t, s, gone, "gone")
	if err := s.Remove(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	dry, err := s.Prune(t.Context(), store.PruneOptions{DryRun: true})
	if err != nil || dry.Blobs != len(gone.Order) {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if has, _ := s.Has(t.Context(), gone.Root); !has {
		t.Error("the dry run removed something")
	}
	got, err := s.Prune(t.Context(), store.PruneOptions{})
	if err != nil || got.Blobs != dry.Blobs || got.Bytes != dry.Bytes {
		t.Errorf("Prune = %+v, %v, want %+v", got, err, dry)
	}
	for _, b := range kept.Order {
		if has, _ := s.Has(t.Context(), b); !has {
			t.Errorf("%s is gone", b.Digest)
		}
	}
	if has, _ := s.Has(t.Context(), gone.Root); has {
		t.Error("content that no name reaches is still there")
	}
}

// TestPruneStops: a damaged name stops it before anything is removed, names without a tag
// among it; one without a tag that is to go stops nothing.
func TestPruneStops(t *testing.T) {
	s := open(t, nil)
	damaged, whole := placetest.Image(t, placetest.ImageSpec{}), placetest.Image(t, placetest.ImageSpec{Seed: 1})
	put(t, s, damaged, "a:1")
	put(t, s, whole, "b@"+whole.Root.Digest.String())
	lose := filepath.Join(s.Path(), "blobs", "sha256", damaged.Root.Digest.Hex)
	if err := os.WriteFile(lose, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Prune(t.Context(), store.PruneOptions{Untagged: true}); err == nil {
		t.Errorf("pruned %+v", p)
	}
	if _, err := s.Resolve(t.Context(), "b@"+whole.Root.Digest.String()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Remove(t.Context(), "a:1"), os.WriteFile(lose, damaged.Bytes[damaged.Root.Digest], 0o600)); err != nil {
		t.Fatal(err)
	}
	lose = filepath.Join(s.Path(), "blobs", "sha256", whole.Root.Digest.Hex)
	if err := os.WriteFile(lose, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Prune(t.Context(), store.PruneOptions{Untagged: true}); err != nil || p.Names != 1 {
		t.Errorf("pruned %+v, %v", p, err)
	}
}

// TestPruneIsNotFooled keeps an image whose manifest another image, visited
// before, names as a layer.
func TestPruneIsNotFooled(t *testing.T) {
	s := open(t, nil)
	victim := placetest.Image(t, placetest.ImageSpec{})
	put(t, s, victim, "z/victim")
	asLayer := victim.Root
	asLayer.MediaType = types.OCILayer
	raw, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: victim.Order[1], Layers: []v1.Descriptor{asLayer},
	})
	if err != nil {
		t.Fatal(err)
	}
	root := manifest.Describe(types.OCIManifestSchema1, raw)
	if err := errors.Join(s.Put(t.Context(), root, blob.Bytes(raw)), s.Commit(t.Context(), root, "a/attacker")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Prune(t.Context(), store.PruneOptions{}); err != nil || got.Blobs != 0 {
		t.Errorf("Prune = %+v, %v", got, err)
	}
	if faults, err := s.Check(t.Context(), false); err != nil || len(faults) != 0 {
		t.Errorf("Check = %v, %v", faults, err)
	}
}

// TestPruneWaits prunes beside a writer that has put but not committed: what it
// put must be there when it commits.
func TestPruneWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	writer := store.New(path, nil)
	c := placetest.Image(t, placetest.ImageSpec{})
	for _, b := range c.Order {
		if err := writer.Put(t.Context(), b, blob.Bytes(c.Bytes[b.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	waiting, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := store.New(path, func(e event.Event) {
			if e.Kind == event.Note {
				close(waiting)
			}
		}).Prune(t.Context(), store.PruneOptions{})
		done <- err
	}()
	<-waiting
	if err := writer.Commit(t.Context(), c.Root, "new"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	faults, err := writer.Check(t.Context(), false)
	if err != nil || len(faults) != 0 {
		t.Errorf("after prune: %v, %v", faults, err)
	}
}

func TestCheckAndRepair(t *testing.T) {
	s := open(t, nil)
	c := placetest.Index(t, placetest.ImageSpec{Layers: []int{100, 200}}, placetest.ImageSpec{Seed: 9})
	put(t, s, c, "a:1", "a:2")
	blobPath := func(i int) string { return filepath.Join(s.Path(), "blobs", "sha256", c.Order[i].Digest.Hex) }
	if err := os.WriteFile(blobPath(0), make([]byte, c.Order[0].Size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(blobPath(1)); err != nil {
		t.Fatal(err)
	}
	faults, err := s.Check(t.Context(), true)
	if err != nil || len(faults) != 2 {
		t.Fatalf("Check = %+v, %v", faults, err)
	}
	for i, f := range faults {
		if f.Digest != c.Order[i].Digest || len(f.Names) != 2 {
			t.Errorf("fault %d: %+v", i, f)
		}
	}
	put(t, s, c, "a:1") // what the next pull does
	if faults, err := s.Check(t.Context(), false); err != nil || len(faults) != 0 {
		t.Errorf("after repair: %+v, %v", faults, err)
	}
}
