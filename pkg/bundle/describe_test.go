package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

// gzipped is a compressed layer of files of 8 kB each.
func gzipped(t testing.TB, level int, files map[string]int) (layer, unpacked []byte) {
	t.Helper()
	var plain, packed bytes.Buffer
	w := tar.NewWriter(&plain)
	for i := range 200 {
		name := fmt.Sprintf("file%03d", i)
		seed, ok := files[name]
		if !ok {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Size: 8192, Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(placetest.Random(8192, uint64(seed))); err != nil {
			t.Fatal(err)
		}
	}
	z, err := gzip.NewWriterLevel(&packed, level)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes(), plain.Bytes()
}

// imageOf is an image with these layers, in pairs of the layer and what it unpacks to.
func imageOf(t testing.TB, layers ...[]byte) placetest.Content {
	t.Helper()
	c := placetest.Content{Bytes: map[v1.Hash][]byte{}}
	add := func(mt types.MediaType, b []byte) v1.Descriptor {
		d := manifest.Describe(mt, b)
		c.Bytes[d.Digest] = b
		c.Order = append(c.Order, d)
		return d
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	cf := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
	for i := 0; i < len(layers); i += 2 {
		m.Layers = append(m.Layers, add(types.OCILayer, layers[i]))
		cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, manifest.Describe("", layers[i+1]).Digest)
		cf.History = append(cf.History, v1.History{CreatedBy: fmt.Sprintf("step %d", i)})
	}
	raw := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m.Config = add(types.OCIConfigJSON, raw(cf))
	c.Root = add(m.MediaType, raw(m))
	return c
}

func files(n, changed int) map[string]int {
	m := map[string]int{}
	for i := range n {
		m[fmt.Sprintf("file%03d", i)] = i
	}
	m["file007"] = changed
	return m
}

// describing returns options that describe by the content of places.
func describing(t testing.TB, h *bundle.Have, o bundle.DescribeOptions, places ...place.Source) bundle.Options {
	o.TempDir = t.TempDir()
	o.Places = func(context.Context) ([]place.Source, error) { return places, nil }
	d := bundle.NewDescriber(o)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(o.TempDir); err != nil || len(left) > 0 {
			t.Errorf("files are left: %v, %v", left, err)
		}
	})
	return bundle.Options{Have: h, Recipe: d.Recipe}
}

// rebuilding opens the update at path, which follows its recipes.
func rebuilding(t testing.TB, path string, on ...place.Source) *bundle.Source {
	t.Helper()
	r := &bundle.Rebuilder{TempDir: t.TempDir()}
	src := read(t, path, bundle.ReadOptions{Apply: r.Apply, Close: r.Close})
	src.Lean(on...)
	return src
}

// arrive copies want out of the update src.
func arrive(t testing.TB, src *bundle.Source, want placetest.Content) {
	t.Helper()
	dst := new(mem.Place)
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{request(src, want, v2Name)}, transfer.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range want.Order {
		if got, err := blob.ReadAll(t.Context(), place.Opener(dst, d), d, 1<<30); err != nil || !bytes.Equal(got, want.Bytes[d.Digest]) {
			t.Errorf("%s: %v", d.Digest, err)
		}
		if f, err := src.OpenFile(t.Context(), d.Digest); err != nil || f.Size() != d.Size {
			t.Errorf("as a file: %v", err)
		} else if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDescriber(t *testing.T) {
	oldLayer, oldTar := gzipped(t, 6, files(100, 7))
	newLayer, newTar := gzipped(t, 6, files(100, 1000))
	otherLayer, otherTar := gzipped(t, 6, map[string]int{"file190": 2000, "file191": 2001})
	recompressed, _ := gzipped(t, 1, files(100, 7))
	one, two := imageOf(t, otherLayer, otherTar, oldLayer, oldTar), imageOf(t, otherLayer, otherTar, newLayer, newTar)
	zero := imageOf(t, recompressed, oldTar)
	here, there, nowhere := new(mem.Place), new(mem.Place), new(mem.Place)
	for _, c := range []placetest.Content{one, two, zero} {
		hold(t, here, c, c.Root.Digest.Hex[:12])
	}
	hold(t, there, one, v1Name)
	for name, c := range map[string]struct {
		have   *bundle.Have
		o      bundle.DescribeOptions
		source place.Source // of bases
		image  placetest.Content
		most   int64 // bytes of recipe; 0: none is made
	}{
		"edited":                    {have(t, here, one), bundle.DescribeOptions{}, here, two, 12000},
		"the base is nowhere":       {have(t, here, one), bundle.DescribeOptions{}, nowhere, two, 0},
		"not wanted":                {have(t, here, one), bundle.DescribeOptions{Whole: true}, here, two, 0},
		"another compression":       {have(t, here, one), bundle.DescribeOptions{}, nowhere, zero, 2000},
		"nothing is there":          {bundle.NewHave(), bundle.DescribeOptions{}, here, two, 0},
		"repacked":                  {bundle.NewHave(), bundle.DescribeOptions{Repack: true}, here, two, 822000},
		"edited, or else repacked":  {have(t, here, one), bundle.DescribeOptions{Repack: true}, here, two, 12000},
		"from a place far away too": {have(t, here, one), bundle.DescribeOptions{}, struct{ place.Source }{here}, two, 12000},
	} {
		t.Run(name, func(t *testing.T) {
			o := describing(t, c.have, c.o, c.source)
			var said bundle.Summary
			o.Planned = func(s bundle.Summary) { said = s }
			path := write(t, o, request(here, c.image, v2Name))
			if (said.Recipes > 0) != (c.most > 0) {
				t.Errorf("%+v", said)
			}
			if rest := said.CarriedBytes - said.Bytes + said.RecipesFor; c.most > 0 && rest > c.most {
				t.Errorf("%d bytes: %+v", rest, said)
			}
			arrive(t, rebuilding(t, path, there), c.image)
		})
	}
}

// A layer that no known encoder makes travels by tokens, under a type that who cannot
// read it refuses.
func TestTokens(t *testing.T) {
	var images []placetest.Content
	for _, changed := range []int{7, 1000} {
		_, unpacked := gzipped(t, 6, files(60, changed))
		var layer bytes.Buffer
		z := gzip.NewWriter(&layer)
		for part := range slices.Chunk(unpacked, 5000) {
			if _, err := z.Write(part); err != nil {
				t.Fatal(err)
			}
			if err := z.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		images = append(images, imageOf(t, layer.Bytes(), unpacked))
	}
	here, there := new(mem.Place), new(mem.Place)
	hold(t, here, images[0], "one")
	hold(t, here, images[1], "two")
	hold(t, there, images[0], v1Name)
	o := describing(t, have(t, here, images[0]), bundle.DescribeOptions{}, here)
	recipe, made := o.Recipe, types.MediaType("")
	o.Recipe = func(ctx context.Context, want bundle.Wanted) (*bundle.Recipe, error) {
		r, err := recipe(ctx, want)
		if r != nil {
			made = r.Descriptor.MediaType
		}
		return r, err
	}
	path := write(t, o, request(here, images[1], v2Name))
	if made != bundle.RecipeTokensType {
		t.Errorf("a recipe of type %q", made)
	}
	arrive(t, rebuilding(t, path, there), images[1])
}

// Two updates in a row, the second described by what the first has described.
func TestRecipesInARow(t *testing.T) {
	var versions []placetest.Content
	here, there := new(mem.Place), new(mem.Place)
	for i := range 3 {
		layer, unpacked := gzipped(t, 6, files(60, 5000+i))
		versions = append(versions, imageOf(t, layer, unpacked))
		hold(t, here, versions[i], fmt.Sprintf("v%d", i))
	}
	hold(t, there, versions[0], v1Name)
	first := write(t, describing(t, have(t, here, versions[0]), bundle.DescribeOptions{}, here), request(here, versions[1], "registry.example/app:mid"))
	second := write(t, describing(t, have(t, here, versions[1]), bundle.DescribeOptions{}, here), request(here, versions[2], v2Name))
	both := rebuilding(t, second, rebuilding(t, first, there))
	if lacks, err := both.Missing(t.Context()); err != nil || lacks != nil {
		t.Errorf("missing: %v, %v", lacks, err)
	}
	arrive(t, both, versions[2])
	// Two that lean on each other find nothing, and come to an end.
	a := rebuilding(t, first)
	b := rebuilding(t, second, a)
	a.Lean(b)
	if lacks, err := a.Missing(t.Context()); err != nil || lacks == nil {
		t.Errorf("nothing is missing: %v", err)
	}
	if rc, err := b.Open(t.Context(), versions[0].Order[0]); err == nil {
		t.Error("opened", rc.Close())
	}
}

// What is rebuilt is kept for the next who asks, and given back.
func TestRebuilderKeepsTheLast(t *testing.T) {
	oldLayer, oldTar := gzipped(t, 6, files(60, 7))
	newLayer, newTar := gzipped(t, 6, files(60, 1000))
	one, two := imageOf(t, oldLayer, oldTar), imageOf(t, newLayer, newTar)
	here := new(mem.Place)
	hold(t, here, one, "one")
	hold(t, here, two, "two")
	path := write(t, describing(t, have(t, here, one), bundle.DescribeOptions{}, here), request(here, two, v2Name))
	r := &bundle.Rebuilder{TempDir: t.TempDir()}
	applied := 0
	count := func(ctx context.Context, want, how v1.Descriptor, bases []bundle.Blob, src place.Source) (io.ReadCloser, error) {
		applied++
		return r.Apply(ctx, want, how, bases, src)
	}
	src := read(t, path, bundle.ReadOptions{Apply: count}, here)
	layer := two.Order[0]
	a, err := src.Open(t.Context(), layer)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // while it is read
		t.Fatal(err)
	}
	got, err := io.ReadAll(a)
	if err := errors.Join(err, a.Close(), a.Close()); err != nil || !bytes.Equal(got, newLayer) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
	b, err := src.OpenRange(t.Context(), layer, 100, 50)
	if err != nil {
		t.Fatal(err)
	}
	got, err = io.ReadAll(b)
	if err := errors.Join(err, b.Close(), r.Close()); err != nil || !bytes.Equal(got, newLayer[100:150]) || applied != 2 {
		t.Errorf("%d bytes, applied %d times: %v", len(got), applied, err)
	}
	if _, err := r.Apply(t.Context(), layer, v1.Descriptor{MediaType: "application/vnd.dray.recipe.v3"}, nil, src); !errors.Is(err, place.ErrUnsupported) {
		t.Error(err)
	}
}
