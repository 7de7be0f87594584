package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

const name = "example.com/team/app:1.0"

func TestPlace(t *testing.T) {
	for what, f := range map[string]func() *fake{
		"many images a stream": func() *fake { return &fake{traits: place.Traits{Sparse: true}} },
		"one image a stream":   func() *fake { return &fake{oneImage: true, traits: place.Traits{NoIndex: true}} },
	} {
		t.Run(what, func(t *testing.T) {
			placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
				f, a := f(), tars(t)
				return placetest.Doors{
					Sink:   func(*testing.T) place.Sink { return engine.NewSink(f, a) },
					Source: func(*testing.T) place.Source { return engine.NewSource(f, a, "", nil) },
					Name:   name,
				}
			}})
		})
	}
}

// plan joins what is known of several contents.
func plan(cs ...placetest.Content) place.Plan {
	p := place.Plan{Docs: map[v1.Hash][]byte{}}
	seen := map[v1.Hash]bool{}
	for _, c := range cs {
		one := c.Plan(name + c.Root.Digest.Hex[:4])
		p.Roots = append(p.Roots, one.Roots...)
		for _, d := range one.Blobs {
			if !seen[d.Digest] {
				seen[d.Digest] = true
				p.Blobs = append(p.Blobs, d)
			}
		}
		for h, b := range one.Docs {
			p.Docs[h] = b
		}
	}
	return p
}

// send does what a transfer does, and returns how many Puts there were.
func send(t *testing.T, s *engine.Sink, cs ...placetest.Content) (puts int, err error) {
	t.Helper()
	bytes := map[v1.Hash][]byte{}
	for _, c := range cs {
		for h, b := range c.Bytes {
			bytes[h] = b
		}
	}
	p := plan(cs...)
	todo, err := s.Plan(t.Context(), p)
	if err != nil {
		return 0, err
	}
	// A transfer's Puts run in a context that ends before the Commit.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, d := range todo {
		if err := s.Put(ctx, d, blob.Bytes(bytes[d.Digest])); err != nil {
			return puts, err
		}
		puts++
	}
	cancel()
	for _, r := range p.Roots {
		if err := s.Commit(t.Context(), r.Descriptor, r.Names...); err != nil {
			return puts, err
		}
	}
	return puts, nil
}

func TestManyImages(t *testing.T) {
	a := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000, 2000}})
	b := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000}}) // shares its layer with a
	for _, tt := range []struct {
		oneImage    bool
		loads, puts int
	}{{false, 1, 2}, {true, 2, 3}} {
		f := &fake{oneImage: tt.oneImage}
		s := engine.NewSink(f, tars(t))
		puts, err := send(t, s, a, b)
		if err != nil {
			t.Fatal(err)
		}
		if f.loads != tt.loads || puts != tt.puts {
			t.Errorf("%d loads, %d puts, want %+v", f.loads, puts, tt)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		// What the engine has is not sent again.
		c := placetest.Image(t, placetest.ImageSpec{Seed: 5})
		again := engine.NewSink(f, tars(t))
		if puts, err := send(t, again, a, c, b); err != nil || puts != 1 || f.loads != tt.loads+1 {
			t.Errorf("again: %d puts, %d loads, %v", puts, f.loads, err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestImageWithoutLayers(t *testing.T) {
	f := &fake{}
	s := engine.NewSink(f, tars(t))
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	cd := manifest.Describe(types.OCIConfigJSON, config)
	raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[]}`,
		types.OCIManifestSchema1, cd.MediaType, cd.Digest, cd.Size)
	root := manifest.Describe(types.OCIManifestSchema1, raw)
	c := placetest.Content{Root: root, Order: []v1.Descriptor{cd, root}, Bytes: map[v1.Hash][]byte{cd.Digest: config, root.Digest: raw}}
	if puts, err := send(t, s, c); err != nil || puts != 0 || !f.loaded[root.Digest] {
		t.Errorf("%d puts, %v", puts, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestPutOfOtherThings(t *testing.T) {
	c, other := placetest.Image(t, placetest.ImageSpec{Layers: []int{10, 20}}), placetest.Image(t, placetest.ImageSpec{Seed: 4})
	s := engine.NewSink(&fake{}, tars(t))
	todo, err := s.Plan(t.Context(), c.Plan(name))
	if err != nil || len(todo) != 2 {
		t.Fatal(todo, err)
	}
	never := func(context.Context, int64, int64) (io.ReadCloser, error) { return nil, errors.New("it was opened") }
	if err := s.Put(t.Context(), c.Root, never); err != nil {
		t.Errorf("what the archive holds anyway: %v", err)
	}
	if err := s.Put(t.Context(), todo[1], never); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("not the next: %v", err)
	}
	if err := s.Put(t.Context(), other.Root, never); err == nil {
		t.Error("what was not planned is taken")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoIndex(t *testing.T) {
	f := &fake{traits: place.Traits{NoIndex: true}}
	s := engine.NewSink(f, tars(t))
	if _, err := send(t, s, placetest.Index(t, placetest.ImageSpec{})); !errors.Is(err, place.ErrUnsupported) || f.loads > 0 {
		t.Errorf("%v, %d loads", err, f.loads)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestEngineGivesUp: the reason of the engine comes out of Put, whatever it has read.
func TestEngineGivesUp(t *testing.T) {
	full := errors.New("no space left on device")
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{500_000}})
	a := tars(t)
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine stays
		s := engine.NewSink(&fake{loadErr: full}, a)
		_, err := send(t, s, c)
		if !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "writing to fake: ") {
			t.Errorf("got %v", err)
		}
		if err := s.Put(t.Context(), c.Order[0], blob.Bytes(c.Bytes[c.Order[0].Digest])); err == nil {
			t.Error("a Put after that succeeds")
		}
		if err := s.Commit(t.Context(), c.Root, name); err == nil {
			t.Error("a Commit after that succeeds")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAbandoned: whatever was begun, Close ends it, and the engine has no image.
func TestAbandoned(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{500_000, 400_000}})
	a := tars(t)
	for puts := range 3 {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			s := engine.NewSink(f, a)
			todo, err := s.Plan(t.Context(), c.Plan(name))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range todo[:puts] {
				if err := s.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if got := len(f.loaded) > 0; got != (puts == len(todo)) {
				t.Errorf("after %d puts: loaded %v", puts, got)
			}
			if _, err := f.content.Resolve(t.Context(), name); !errors.Is(err, place.ErrNotFound) {
				t.Errorf("after %d puts the name stands: %v", puts, err)
			}
		})
	}
}

func TestCancelledInPut(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{500_000}})
	a := tars(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := engine.NewSink(&fake{}, a)
		todo, err := s.Plan(ctx, c.Plan(name))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Put(ctx, todo[0], func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
			cancel()
			return blob.Bytes(c.Bytes[todo[0].Digest])(ctx, off, n)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCommitOfWhatWasNotPut(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	s := engine.NewSink(&fake{}, tars(t))
	if _, err := s.Plan(t.Context(), c.Plan(name)); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), c.Root, name); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.Commit(t.Context(), placetest.Image(t, placetest.ImageSpec{Seed: 3}).Root, name); err == nil {
		t.Error("an image that was not planned can be committed")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestPlannedAgain begins with three images, of which the second cannot be had.
func TestPlannedAgain(t *testing.T) {
	a := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000}})
	b := placetest.Image(t, placetest.ImageSpec{Seed: 2, Layers: []int{1000, 3000}})
	c := placetest.Image(t, placetest.ImageSpec{Seed: 3, Layers: []int{1000}})
	for _, oneImage := range []bool{false, true} {
		f := &fake{oneImage: oneImage}
		s := engine.NewSink(f, tars(t))
		todo, err := s.Plan(t.Context(), plan(a, b, c))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range todo {
			raw, ok := a.Bytes[d.Digest]
			if !ok {
				break
			}
			if err := s.Put(t.Context(), d, blob.Bytes(raw)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := send(t, s, a, c); err != nil {
			t.Errorf("one image a stream: %v: %v", oneImage, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if !f.loaded[a.Root.Digest] || f.loaded[b.Root.Digest] || !f.loaded[c.Root.Digest] {
			t.Errorf("one image a stream: %v: there is %v", oneImage, f.loaded)
		}
	}
}

// holding returns an engine that has cs under their names.
func holding(t *testing.T, cs ...placetest.Content) *fake {
	t.Helper()
	f := &fake{}
	s := engine.NewSink(f, tars(t))
	if _, err := send(t, s, cs...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSource(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	f := holding(t, c)
	src := engine.NewSource(f, tars(t), "", func(e event.Event) { t.Errorf("noted: %v", e) })
	full := name + c.Root.Digest.Hex[:4]
	for _, n := range []string{full, "", full} {
		d, err := src.Resolve(t.Context(), n)
		if err != nil || d.Digest != c.Root.Digest {
			t.Errorf("%q: %v, %v", n, d, err)
		}
	}
	if f.saves != 1 {
		t.Errorf("saved %d times", f.saves)
	}
	if _, err := place.ReadManifest(t.Context(), src, c.Root); err != nil {
		t.Error(err)
	}
	if _, err := src.Resolve(t.Context(), "nothing"); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	named := engine.NewSource(f, tars(t), "nothing", nil)
	if _, err := named.Open(t.Context(), c.Root); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestSourceOfManyOrNone(t *testing.T) {
	f := holding(t, placetest.Image(t, placetest.ImageSpec{}), placetest.Image(t, placetest.ImageSpec{Seed: 9}))
	src := engine.NewSource(f, tars(t), "", nil)
	var choice *place.ChoiceError
	if _, err := src.Resolve(t.Context(), ""); !errors.As(err, &choice) || len(choice.Choices) != 2 {
		t.Errorf("got %v", err)
	}
	if _, err := engine.NewSource(&fake{}, tars(t), "", nil).Resolve(t.Context(), ""); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("empty: %v", err)
	}
}

func TestDigestThatChanges(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	f := holding(t, c)
	full := name + c.Root.Digest.Hex[:4]
	other := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	f.shown = map[string]v1.Hash{full: other}
	var notes []string
	src := engine.NewSource(f, tars(t), "", func(e event.Event) { notes = append(notes, e.Text) })
	if _, err := src.Resolve(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], c.Root.Digest.String()) || !strings.Contains(notes[0], other.String()) {
		t.Errorf("notes: %q", notes)
	}
	pinned := full + "@" + other.String()
	f.shown[pinned] = other
	if err := f.content.Commit(t.Context(), c.Root, pinned); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Resolve(t.Context(), pinned); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("another digest than asked for: %v", err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

func TestSaveFails(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	f := holding(t, c)
	f.saveErr = errors.New("disk on fire")
	src := engine.NewSource(f, tars(t), "", nil)
	if _, err := src.Resolve(t.Context(), ""); !errors.Is(err, f.saveErr) {
		t.Errorf("got %v", err)
	}
	bad := errors.New("no archive")
	a := tars(t)
	a.Read = func(context.Context, io.Reader) (place.Source, error) { return nil, bad }
	f.saveErr = nil
	if _, err := engine.NewSource(f, a, "", nil).Resolve(t.Context(), ""); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}
