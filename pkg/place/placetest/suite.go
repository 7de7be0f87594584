package placetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// A Place is what [Run] tests. New is called once for each test and returns
// ways to open one fresh, empty place; a place that cannot be read, or not
// written, leaves out the one or the other.
type Place struct {
	New func(t *testing.T) Doors
}

// Doors open one place, as often as the test wants: each opened source or sink
// is closed before the next is opened, except for reading beside a sink.
type Doors struct {
	Sink   func(t *testing.T) place.Sink
	Source func(t *testing.T) place.Source
	Name   string // under which an image can be committed, and then resolved
}

// Run holds a place against the contract of package place.
func Run(t *testing.T, p Place) {
	for name, test := range map[string]func(*testing.T, Doors){
		"Image":           func(t *testing.T, d Doors) { roundTrip(t, d, Image(t, ImageSpec{Layers: []int{10, 0, 300_000}})) },
		"DockerImage":     func(t *testing.T, d Doors) { roundTrip(t, d, Image(t, ImageSpec{Docker: true})) },
		"SameLayerTwice":  func(t *testing.T, d Doors) { roundTrip(t, d, twice(t)) },
		"ManyLayers":      func(t *testing.T, d Doors) { roundTrip(t, d, Image(t, ImageSpec{Layers: make([]int, 30)})) },
		"Index":           index,
		"NothingShows":    nothingShows,
		"WrongContent":    wrongContent,
		"CutAndGoOn":      cutAndGoOn,
		"NotFound":        notFound,
		"Range":           ranges,
		"Cancelled":       cancelled,
		"Remove":          remove,
		"ReplaceAName":    replaceAName,
		"ContentSurvives": contentSurvives,
		"CommitAll":       commitAll,
		"Forecast":        forecast,
		"Referrers":       referrers,
		"Files":           files,
		"Stamp":           stamp,
	} {
		t.Run(name, func(t *testing.T) { test(t, p.New(t)) })
	}
}

// twice returns an image that has one layer two times.
func twice(t *testing.T) Content {
	return Image(t, ImageSpec{Layers: []int{64, 64}, Seed: 7, Platform: v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}})
}

// put puts all of c into s, as a transfer would.
func put(t *testing.T, s place.Sink, c Content, names ...string) {
	t.Helper()
	if err := putAll(t.Context(), s, c, names...); err != nil {
		t.Fatal(err)
	}
}

func putAll(ctx context.Context, s place.Sink, c Content, names ...string) error {
	todo := c.Order
	if p, ok := place.As[place.Planner](s); ok {
		var err error
		if todo, err = p.Plan(ctx, c.Plan(names...)); err != nil {
			return err
		}
	}
	isManifest := func(d v1.Descriptor) bool { return d.MediaType.IsImage() || d.MediaType.IsIndex() }
	g, gctx := errgroup.WithContext(ctx)
	if n := s.Traits().Puts; n > 0 {
		g.SetLimit(n)
	}
	for _, d := range todo {
		if !isManifest(d) || s.Traits().Puts == 1 {
			g.Go(func() error { return s.Put(gctx, d, blob.Bytes(c.Bytes[d.Digest])) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, d := range todo {
		if isManifest(d) && s.Traits().Puts != 1 {
			if err := s.Put(ctx, d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
				return err
			}
		}
	}
	return s.Commit(ctx, c.Root, names...)
}

func closed(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// roundTrip writes c, and reads it back through a new source.
func roundTrip(t *testing.T, d Doors, c Content) {
	s := d.Sink(t)
	put(t, s, c, d.Name)
	rewrites := s.Traits().Rewrites
	closed(t, s)
	if d.Source == nil {
		return
	}
	src := d.Source(t)
	defer closed(t, src)
	root, err := src.Resolve(t.Context(), d.Name)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	if rewrites {
		readTree(t, src, root)
		return
	}
	if root.Digest != c.Root.Digest || root.Size != c.Root.Size || root.MediaType != c.Root.MediaType {
		t.Errorf("Resolve = %v, want %v", root, c.Root)
	}
	for _, want := range c.Order {
		if got := read(t, src, want); !bytes.Equal(got, c.Bytes[want.Digest]) {
			t.Errorf("%s: other bytes", want.Digest)
		}
	}
	if l, ok := place.As[place.Lister](src); ok {
		listed(t, l, d.Name)
	}
}

func listed(t *testing.T, l place.Lister, name string) {
	t.Helper()
	var names []string
	if err := l.List(t.Context(), func(e place.Entry) error { names = append(names, e.Name); return nil }); err != nil {
		t.Errorf("List: %v", err)
	}
	if !slices.Contains(names, name) && name != "" {
		t.Errorf("List = %q, want %q in it", names, name)
	}
	stop := errors.New("stop")
	if err := l.List(t.Context(), func(place.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("List does not stop with its visitor: %v", err)
	}
}

func read(t *testing.T, src place.Source, d v1.Descriptor) []byte {
	t.Helper()
	b, err := blob.ReadAll(t.Context(), place.Opener(src, d), d, 1<<30)
	if err != nil {
		t.Errorf("reading %s: %v", d.Digest, err)
	}
	return b
}

// readTree reads everything below root.
func readTree(t *testing.T, src place.Source, root v1.Descriptor) {
	t.Helper()
	doc, err := place.ReadManifest(t.Context(), src, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range doc.Children() {
		if doc.Index != nil {
			readTree(t, src, child)
		} else {
			read(t, src, child)
		}
	}
}

func index(t *testing.T, d Doors) {
	s := d.Sink(t)
	noIndex := s.Traits().NoIndex
	closed(t, s)
	if noIndex {
		t.Skip("takes single images only")
	}
	arm := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	roundTrip(t, d, Index(t, ImageSpec{}, ImageSpec{Platform: arm, Layers: []int{100, 5000}}))
}

func nothingShows(t *testing.T, d Doors) {
	c := Image(t, ImageSpec{})
	s := d.Sink(t)
	todo := c.Order
	if p, ok := place.As[place.Planner](s); ok {
		var err error
		if todo, err = p.Plan(t.Context(), c.Plan(d.Name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range todo {
		if err := s.Put(t.Context(), b, blob.Bytes(c.Bytes[b.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	// Close without Commit may say that the work was not finished, or nothing.
	_ = s.Close()
	absent(t, d)
}

// absent checks that d.Name does not stand, with a place that may not even exist.
func absent(t *testing.T, d Doors) {
	t.Helper()
	if d.Source == nil {
		return
	}
	src := d.Source(t)
	if src == nil { // a source that cannot be opened shows nothing
		return
	}
	defer closed(t, src)
	if got, err := src.Resolve(t.Context(), d.Name); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("Resolve = %v, %v, want ErrNotFound", got, err)
	}
}

func wrongContent(t *testing.T, d Doors) {
	c := Image(t, ImageSpec{Layers: []int{100_000}})
	for name, spoil := range map[string]func([]byte) []byte{
		"other bytes": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut":         func(b []byte) []byte { return b[:len(b)-1] },
		"longer":      func(b []byte) []byte { return append(b, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			s := d.Sink(t)
			layer := c.Order[0]
			if p, ok := place.As[place.Planner](s); ok {
				if _, err := p.Plan(t.Context(), c.Plan(d.Name)); err != nil {
					t.Fatal(err)
				}
			}
			err := s.Put(t.Context(), layer, blob.Bytes(spoil(bytes.Clone(c.Bytes[layer.Digest]))))
			if !errors.Is(err, blob.ErrMismatch) || errors.Is(err, io.EOF) {
				t.Errorf("Put = %v, want ErrMismatch", err)
			}
			if has, err := s.Has(t.Context(), layer); has || err != nil {
				t.Errorf("Has = %v, %v after a failed Put", has, err)
			}
			_ = s.Close()
			absent(t, d)
		})
	}
}

// cutAndGoOn cuts the first Put; the next one, in a new sink, succeeds.
func cutAndGoOn(t *testing.T, d Doors) {
	c := Image(t, ImageSpec{Layers: []int{3_000_000}})
	cut := errors.New("cut")
	first := d.Sink(t)
	layer := c.Order[0]
	if p, ok := place.As[place.Planner](first); ok {
		if _, err := p.Plan(t.Context(), c.Plan(d.Name)); err != nil {
			t.Fatal(err)
		}
	}
	err := first.Put(t.Context(), layer, func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		rc, err := blob.Bytes(c.Bytes[layer.Digest])(ctx, off, 2_000_000)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(io.MultiReader(rc, failing{cut})), nil
	})
	if !errors.Is(err, cut) {
		t.Errorf("Put = %v, want the reader's error", err)
	}
	_ = first.Close()
	absent(t, d)
	roundTrip(t, d, c)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func notFound(t *testing.T, d Doors) {
	if d.Source == nil {
		t.Skip("cannot be read")
	}
	s := d.Sink(t)
	put(t, s, Image(t, ImageSpec{}), d.Name)
	closed(t, s)
	src := d.Source(t)
	defer closed(t, src)
	gone := Image(t, ImageSpec{Seed: 99}).Root
	rc, err := src.Open(t.Context(), gone)
	if err == nil {
		_, err = io.ReadAll(rc)
		closed(t, rc)
	}
	if !errors.Is(err, place.ErrNotFound) {
		t.Errorf("Open = %v, want ErrNotFound", err)
	}
	if _, err := src.Resolve(t.Context(), "@"+gone.Digest.String()); err == nil {
		t.Error("Resolve finds a digest that is not there")
	}
}

func ranges(t *testing.T, d Doors) {
	if d.Source == nil {
		t.Skip("cannot be read")
	}
	c := Image(t, ImageSpec{Layers: []int{50_000}})
	s := d.Sink(t)
	put(t, s, c, d.Name)
	rewrites := s.Traits().Rewrites
	closed(t, s)
	if rewrites {
		t.Skip("digests change")
	}
	src := d.Source(t)
	defer closed(t, src)
	layer := c.Order[0]
	whole := c.Bytes[layer.Digest]
	for _, r := range [][2]int64{{0, -1}, {0, 10}, {1, 1}, {700, -1}, {layer.Size - 1, -1}, {layer.Size - 1, 1}} {
		rc, err := place.OpenRange(t.Context(), src, layer, r[0], r[1])
		if err != nil {
			t.Errorf("range %v: %v", r, err)
			continue
		}
		got, err := io.ReadAll(rc)
		closed(t, rc)
		want := whole[r[0]:]
		if r[1] >= 0 {
			want = want[:r[1]]
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("range %v: %d bytes, %v, want %d", r, len(got), err, len(want))
		}
	}
}

func cancelled(t *testing.T, d Doors) {
	c := Image(t, ImageSpec{})
	s := d.Sink(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := putAll(ctx, s, c, d.Name); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	_ = s.Close()
	absent(t, d)
}

func remove(t *testing.T, d Doors) {
	s := d.Sink(t)
	defer closed(t, s)
	r, ok := place.As[place.Remover](s)
	if !ok {
		t.Skip("names cannot be removed")
	}
	put(t, s, Image(t, ImageSpec{}), d.Name)
	if err := r.Remove(t.Context(), d.Name); err != nil && !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("Remove: %v", err)
	} else if err == nil {
		absent(t, d)
		if err := r.Remove(t.Context(), d.Name); !errors.Is(err, place.ErrNotFound) {
			t.Errorf("Remove again: %v, want ErrNotFound", err)
		}
	}
}

func replaceAName(t *testing.T, d Doors) {
	for _, seed := range []uint64{1, 2} {
		roundTrip(t, d, Image(t, ImageSpec{Seed: seed, Layers: []int{2000, 1000}}))
	}
}

// contentSurvives puts the same content again: a success, and nothing changes.
func contentSurvives(t *testing.T, d Doors) {
	c := Image(t, ImageSpec{Layers: []int{1000}})
	roundTrip(t, d, c)
	roundTrip(t, d, c)
	if strings.TrimSpace(d.Name) == "" {
		t.Error("Doors.Name is empty")
	}
}
