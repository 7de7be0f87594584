package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

const (
	v1Name = "registry.example/app:1"
	v2Name = "registry.example/app:2"
)

// images returns two versions of an image that share two layers, in a place.
func images(t testing.TB) (*mem.Place, placetest.Content, placetest.Content) {
	one := placetest.Image(t, placetest.ImageSpec{Seed: 1, Layers: []int{5000, 6000}})
	two := placetest.Image(t, placetest.ImageSpec{Seed: 1, Layers: []int{5000, 6000, 7000}})
	p := new(mem.Place)
	hold(t, p, one, v1Name)
	hold(t, p, two, v2Name, "registry.example/app:latest")
	return p, one, two
}

func have(t testing.TB, p place.Source, c placetest.Content) *bundle.Have {
	return bundle.NewHave(survey(t, p, c.Root))
}

func request(p place.Source, c placetest.Content, names ...string) transfer.Request {
	return transfer.Request{Source: p, Root: c.Root, Names: names}
}

// write writes an update of reqs, and returns its path.
func write(t testing.TB, o bundle.Options, reqs ...transfer.Request) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "update.tar")
	w, err := archive.Create(path, archive.Options{As: archive.OCI})
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, w, o, reqs...)
	return path
}

func copyTo(t testing.TB, w place.Sink, o bundle.Options, reqs ...transfer.Request) {
	t.Helper()
	s, err := bundle.NewSink(w, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = transfer.Copy(t.Context(), s, reqs, transfer.Options{})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// read opens the update at path, with places for the rest.
func read(t testing.TB, path string, o bundle.ReadOptions, with ...place.Source) *bundle.Source {
	t.Helper()
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.With = func(context.Context) ([]place.Source, error) { return with, nil }
	src, err := bundle.Open(t.Context(), a, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
	s, ok := src.(*bundle.Source)
	if !ok {
		t.Fatalf("%T is no update", src)
	}
	return s
}

// The size of an update is that of the new blobs and the manifests, each with a
// header and padding, and of what says how they belong together.
func TestUpdateSize(t *testing.T) {
	p, one, two := images(t)
	var said bundle.Summary
	path := write(t, bundle.Options{Have: have(t, p, one), Planned: func(s bundle.Summary) { said = s }}, request(p, two, v2Name))
	member := func(n int64) int64 { return 512 + (n+511)/512*512 }
	want := 5*512 + 1024 // oci-layout with its 30 bytes, index.json's header, two folders, the end
	size := int64(want)
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	rc, err := a.OpenMember(t.Context(), "index.json")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(rc)
	if err := errors.Join(err, rc.Close()); err != nil {
		t.Fatal(err)
	}
	size += member(int64(len(raw))) - 512
	artifact, err := a.Resolve(t.Context(), v2Name+"+update")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := place.ReadManifest(t.Context(), a, artifact)
	if err != nil {
		t.Fatal(err)
	}
	size += member(artifact.Size)
	for _, d := range doc.Children() {
		size += member(d.Size)
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() != size {
		t.Errorf("%d bytes, want %d (%v)", fi.Size(), size, err)
	}
	// The document, the new layer, the config and the manifest: nothing else.
	if len(doc.Image.Layers) != 4 {
		t.Errorf("%d layers: %s", len(doc.Image.Layers), doc.Raw)
	}
	layer := two.Order[2]
	if got := (bundle.Summary{
		Images: 1, Blobs: 5, Carried: 3, Needed: 2, Bytes: total(two), NeededBytes: two.Order[0].Size + two.Order[1].Size,
		CarriedBytes: layer.Size + two.Order[3].Size + two.Root.Size, There: 2, ThereBytes: two.Order[0].Size + two.Order[1].Size,
	}); said != got {
		t.Errorf("%+v, want %+v", said, got)
	}
}

func total(c placetest.Content) (n int64) {
	for _, d := range c.Order {
		n += d.Size
	}
	return n
}

// It is an OCI layout that any tool can carry, and no image.
func TestUpdateIsArtifact(t *testing.T) {
	p, one, two := images(t)
	path := write(t, bundle.Options{Have: have(t, p, one)}, request(p, two, v2Name))
	a, err := archive.Open(t.Context(), path, archive.ReadOptions{As: archive.OCI})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	root, err := a.Resolve(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := place.ReadManifest(t.Context(), a, root)
	if err != nil {
		t.Fatal(err)
	}
	if doc.IsRunnable() || root.ArtifactType != bundle.UpdateType || doc.Image.ArtifactType != bundle.UpdateType || doc.Subject().Digest != two.Root.Digest {
		t.Errorf("%+v: %s", root, doc.Raw)
	}
	for _, d := range doc.Children() { // all of it is there
		if _, err := blob.ReadAll(t.Context(), place.Opener(a, d), d, 1<<20); err != nil {
			t.Error(err)
		}
	}
}

// What comes out is what a full archive would have been.
func TestUpdateRoundTrip(t *testing.T) {
	p, one, two := images(t)
	reqs := []transfer.Request{request(p, two, v2Name, "registry.example/app:latest"), request(p, one, v1Name)}
	path := write(t, bundle.Options{Have: have(t, p, one)}, reqs...)
	base := new(mem.Place)
	hold(t, base, one, v1Name)
	src := read(t, path, bundle.ReadOptions{}, new(mem.Place), base)
	if lacks, err := src.Missing(t.Context()); lacks != nil || err != nil {
		t.Errorf("%v, %v", lacks, err)
	}
	var names []string
	var again []transfer.Request
	if err := src.List(t.Context(), func(e place.Entry) error {
		names = append(names, e.Name)
		again = append(again, transfer.Request{Source: src, Root: e.Root, Names: []string{e.Name}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{v1Name, v2Name, "registry.example/app:latest"}; fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", names, want)
	}
	if !bytes.Equal(full(t, again...), full(t, reqs...)) {
		t.Error("the archive made of the update is another than the full one")
	}
	d := two.Order[1]
	rc, err := src.OpenRange(t.Context(), d, 10, 20)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(rc)
	if err := errors.Join(err, rc.Close()); err != nil || !bytes.Equal(got, two.Bytes[d.Digest][10:30]) {
		t.Errorf("%q, %v", got, err)
	}
}

func full(t testing.TB, reqs ...transfer.Request) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := archive.NewStream(&buf, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Copy(t.Context(), w, reqs, transfer.Options{}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// What is missing is named by image and blob before anything is written, and what
// the destination has is not missing.
func TestUpdateLacks(t *testing.T) {
	p, one, two := images(t)
	src := read(t, write(t, bundle.Options{Have: have(t, p, one)}, request(p, two, v2Name)), bundle.ReadOptions{})
	dst := &counting{Place: new(mem.Place)}
	req := request(src, two, v2Name)
	_, err := transfer.Copy(t.Context(), dst, []transfer.Request{req}, transfer.Options{KeepGoing: true})
	var lack *place.LackError
	if !errors.As(err, &lack) || !errors.Is(err, place.ErrNotFound) || len(lack.Lacks) != 2 || dst.puts.Load() > 0 {
		t.Fatalf("%v after %d puts", err, dst.puts.Load())
	}
	for _, d := range two.Order[:2] {
		if !strings.Contains(err.Error(), d.Digest.String()) || !strings.Contains(err.Error(), v2Name+" needs ") {
			t.Errorf("%s is not named: %v", d.Digest, err)
		}
	}
	if !strings.Contains(lack.Hint(), "--with") {
		t.Error(lack.Hint())
	}
	if lacks, err := src.Missing(t.Context()); err != nil || len(lacks.Lacks) != 2 {
		t.Errorf("%v, %v", lacks, err)
	}
	hold(t, dst.Place, one, v1Name)
	dst.puts.Store(0)
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{req}, transfer.Options{}); err != nil || dst.puts.Load() != 3 {
		t.Errorf("%d puts, want 3: %v", dst.puts.Load(), err)
	}
}

type counting struct {
	*mem.Place
	puts atomic.Int32
}

func (c *counting) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	c.puts.Add(1)
	return c.Place.Put(ctx, d, open)
}

// An image that cannot be had is left out of an update of several, if that is asked for.
func TestUpdateKeepsGoing(t *testing.T) {
	p, one, two := images(t)
	broken := placetest.Image(t, placetest.ImageSpec{Seed: 50, Layers: []int{8000}})
	for _, d := range broken.Order[1:] { // all but its layer
		if err := p.Put(t.Context(), d, blob.Bytes(broken.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "update.tar")
	w, err := archive.Create(path, archive.Options{As: archive.OCI})
	if err != nil {
		t.Fatal(err)
	}
	var said bundle.Summary
	s, err := bundle.NewSink(w, bundle.Options{Have: have(t, p, one), Planned: func(s bundle.Summary) { said = s }})
	if err != nil {
		t.Fatal(err)
	}
	reqs := []transfer.Request{request(p, broken, "registry.example/broken:1"), request(p, two, v2Name)}
	results, err := transfer.Copy(t.Context(), s, reqs, transfer.Options{KeepGoing: true})
	if cerr := s.Close(); err == nil || cerr != nil || results[0].Err == nil || results[1].Err != nil {
		t.Fatalf("%v, %v, %+v", err, cerr, results)
	}
	if said.Images != 1 || said.Carried != 3 {
		t.Errorf("%+v", said)
	}
	want := write(t, bundle.Options{Have: have(t, p, one)}, request(p, two, v2Name))
	a, err := os.ReadFile(path)
	b, berr := os.ReadFile(want)
	if err := errors.Join(err, berr); err != nil || !bytes.Equal(a, b) {
		t.Errorf("it is another archive than one of the other image alone (%v)", err)
	}
}

// An inventory of an update is of what is there once it was applied, diffIDs and all.
func TestSurveyUpdate(t *testing.T) {
	p, one, two := images(t)
	src := read(t, write(t, bundle.Options{Have: have(t, p, one)}, request(p, two, v2Name), request(p, one, v1Name)), bundle.ReadOptions{})
	var got, want bundle.Survey
	for c, name := range map[*placetest.Content]string{&one: v1Name, &two: v2Name} {
		if err := errors.Join(got.Add(t.Context(), src, c.Root, name), want.Add(t.Context(), p, c.Root, name)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := got.Inventory().Marshal()
	b, werr := want.Inventory().Marshal()
	if err := errors.Join(err, werr); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%s, want %s (%v)", a, b, err)
	}
}

// A recipe travels in place of its blob, and is followed on the other side; to a
// file and to a stream, which takes everything in its order.
func TestRecipe(t *testing.T) {
	p, one, two := images(t)
	layer, base := two.Order[2], two.Order[1]
	plain := []byte("how to make the third layer")
	o := bundle.Options{
		Have: have(t, p, one),
		Recipe: func(_ context.Context, w bundle.Wanted) (*bundle.Recipe, error) {
			if w.Digest != layer.Digest {
				return nil, nil
			}
			if w.DiffID == nil || *w.DiffID != layer.Digest {
				t.Errorf("the diffID is %v", w.DiffID)
			}
			if got, err := blob.ReadAll(t.Context(), w.Open, layer, 1<<20); err != nil || !bytes.Equal(got, two.Bytes[layer.Digest]) {
				t.Errorf("the blob cannot be read: %v", err)
			}
			return &bundle.Recipe{Descriptor: manifest.Describe("", plain), Open: blob.Bytes(plain), Bases: []v1.Hash{base.Digest}}, nil
		},
	}
	var said bundle.Summary
	o.Planned = func(s bundle.Summary) { said = s }
	path := write(t, o, request(p, two, v2Name))
	if said.Recipes != 1 || said.RecipesFor != layer.Size || said.RecipesBytes != int64(len(plain)) || said.Carried != 3 {
		t.Errorf("%+v", said)
	}
	foretoldAs(t, path, o, layer, request(p, two, v2Name))
	var buf bytes.Buffer
	w, err := archive.NewStream(&buf, archive.Options{As: archive.OCI})
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, w, o, request(p, two, v2Name))
	if raw, err := os.ReadFile(path); err != nil || !bytes.Equal(raw, buf.Bytes()) {
		t.Errorf("the stream is another archive (%v)", err)
	}
	there := new(mem.Place)
	hold(t, there, one, v1Name)
	src := read(t, path, bundle.ReadOptions{
		Apply: func(ctx context.Context, want, how v1.Descriptor, bases []bundle.Blob, src place.Source) (io.ReadCloser, error) {
			got, err := blob.ReadAll(ctx, place.Opener(src, how), how, 100)
			if err != nil || !bytes.Equal(got, plain) || want.Digest != layer.Digest || len(bases) != 1 || bases[0].Digest != base.Digest {
				t.Errorf("%s for %+v of %+v: %v", got, want, bases, err)
			}
			return blob.Bytes(two.Bytes[layer.Digest])(ctx, 0, -1)
		},
	}, there)
	dst := new(mem.Place)
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{request(src, two, v2Name)}, transfer.Options{}); err != nil {
		t.Fatal(err)
	}
	// Without its base it is missing, and without anything that follows recipes too.
	var lack *place.LackError
	bare := read(t, path, bundle.ReadOptions{Apply: func(context.Context, v1.Descriptor, v1.Descriptor, []bundle.Blob, place.Source) (io.ReadCloser, error) {
		return nil, errors.New("not called")
	}})
	if lacks, err := bare.Lacks(t.Context(), []v1.Descriptor{layer}); err != nil || len(lacks) != 1 {
		t.Errorf("%v, %v", lacks, err)
	}
	// Of what would be rebuilt only the base is named, and what for.
	_, err = transfer.Copy(t.Context(), new(mem.Place), []transfer.Request{request(bare, two)}, transfer.Options{})
	if !errors.As(err, &lack) || len(lack.Lacks) != 2 || strings.Contains(err.Error(), layer.Digest.String()) {
		t.Errorf("%v names what would be rebuilt", err)
	}
	bases, err := bare.LacksFor(t.Context(), layer)
	if err != nil || len(bases) != 1 || !strings.Contains(lack.Error(), bases[0].Digest.String()) {
		t.Errorf("%v, %v: not in %v", bases, err, lack)
	}
	whole, err := bare.Missing(t.Context())
	if err != nil || !strings.Contains(whole.Error(), bases[0].Digest.String()+" (") || !strings.Contains(whole.Error(), "to rebuild "+layer.Digest.String()) {
		t.Errorf("%v, %v", whole, err)
	}
	_, err = transfer.Copy(t.Context(), new(mem.Place), []transfer.Request{request(read(t, path, bundle.ReadOptions{}, there), two)}, transfer.Options{})
	if !errors.As(err, &lack) {
		t.Error(err)
	}
}
