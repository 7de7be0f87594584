package bundle_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
)

// A draft is an update as a hostile hand writes it.
type draft struct {
	doc     map[string]any
	subject *v1.Descriptor
	carried []v1.Descriptor
}

var (
	root = manifest.Describe(types.OCIManifestSchema1, []byte("root"))
	some = manifest.Describe(types.OCILayer, []byte("some"))
	more = manifest.Describe(types.OCILayer, []byte("more"))
)

func newDraft() *draft {
	return &draft{
		doc: map[string]any{
			"mediaType": bundle.DocumentType, "names": []string{"a:1"}, "root": root,
			"needs": []bundle.Blob{{Digest: some.Digest, Size: some.Size, MediaType: some.MediaType}},
		},
		subject: &root, carried: []v1.Descriptor{root},
	}
}

func recipeFor(target v1.Descriptor, bases ...v1.Descriptor) v1.Descriptor {
	d := manifest.Describe(bundle.RecipeType, []byte("for "+target.Digest.Hex))
	var list []string
	for _, b := range bases {
		list = append(list, b.Digest.String())
	}
	d.Annotations = map[string]string{
		"io.dray.recipe.target": target.Digest.String(), "io.dray.recipe.target.size": fmt.Sprint(target.Size),
		"io.dray.recipe.bases": strings.Join(list, " "),
	}
	return d
}

// put puts what d says into p, and returns the artifact.
func (d *draft) put(t testing.TB, p *mem.Place) v1.Descriptor {
	t.Helper()
	raw, err := json.Marshal(d.doc)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, p, raw, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: bundle.UpdateType,
		Config: manifest.Describe("application/vnd.oci.empty.v1+json", []byte("{}")), Subject: d.subject, Layers: d.carried,
	})
}

func put(t testing.TB, p *mem.Place, doc []byte, m v1.Manifest) v1.Descriptor {
	t.Helper()
	body := manifest.Describe(bundle.DocumentType, doc)
	m.Layers = append([]v1.Descriptor{body}, m.Layers...)
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	head := manifest.Describe(m.MediaType, raw)
	head.ArtifactType = bundle.UpdateType
	for _, c := range []struct {
		d   v1.Descriptor
		raw []byte
	}{{body, doc}, {head, raw}} {
		if err := p.Put(t.Context(), c.d, blob.Bytes(c.raw)); err != nil {
			t.Fatal(err)
		}
	}
	return head
}

func TestHostileUpdate(t *testing.T) {
	needs := func(blobs ...bundle.Blob) func(*draft) {
		return func(d *draft) { d.doc["needs"] = blobs }
	}
	blobOf := func(d v1.Descriptor) bundle.Blob {
		return bundle.Blob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType}
	}
	larger := blobOf(some)
	larger.Size++
	many := make([]bundle.Blob, manifest.MaxChildren+1)
	for i := range many {
		many[i] = blobOf(manifest.Describe(types.OCILayer, []byte(fmt.Sprint(i))))
	}
	for _, tt := range []struct {
		name string
		edit func(*draft)
		want error
	}{
		{"honest", func(*draft) {}, nil},
		{"needs nothing", needs(), nil},
		{"later key", func(d *draft) { d.doc["from"] = "x" }, nil},
		{"recipe", func(d *draft) { d.carried = append(d.carried, recipeFor(more, some)) }, nil},
		{"other version", func(d *draft) { d.doc["mediaType"] = "application/vnd.dray.update.document.v2+json" }, place.ErrUnsupported},
		{"no version", func(d *draft) { delete(d.doc, "mediaType") }, place.ErrInvalid},
		{"no subject", func(d *draft) { d.subject = nil }, place.ErrInvalid},
		{"of another image", func(d *draft) { d.subject = &some }, place.ErrInvalid},
		{"of a layer", func(d *draft) { d.doc["root"], d.subject, d.carried[0] = some, &some, some }, place.ErrInvalid},
		{"root not there", func(d *draft) { d.carried[0] = more }, place.ErrInvalid},
		{"needed and carried", func(d *draft) { d.carried = append(d.carried, some) }, place.ErrInvalid},
		{"needed twice", needs(blobOf(some), blobOf(some)), place.ErrInvalid},
		{"needed in two sizes", needs(blobOf(some), larger), place.ErrInvalid},
		{"negative size", needs(bundle.Blob{Digest: some.Digest, Size: -1}), place.ErrInvalid},
		{"no digest", func(d *draft) { d.doc["needs"] = []any{map[string]any{"size": 1}} }, place.ErrInvalid},
		{"too many needs", needs(many...), place.ErrInvalid},
		{"a million needs", func(d *draft) { d.doc["needs"] = make([]int, 1_000_000) }, place.ErrInvalid},
		{"empty name", func(d *draft) { d.doc["names"] = []string{""} }, place.ErrInvalid},
		{"long name", func(d *draft) { d.doc["names"] = []string{strings.Repeat("a", 2000)} }, place.ErrInvalid},
		{"large document", func(d *draft) { d.doc["x"] = strings.Repeat("a", 9<<20) }, nil},
		{"recipe of nothing needed", func(d *draft) { d.carried = append(d.carried, recipeFor(more, root)) }, place.ErrInvalid},
		{"recipe for what is needed", func(d *draft) { d.carried = append(d.carried, recipeFor(some, some)) }, place.ErrInvalid},
		{"recipe for what is carried", func(d *draft) { d.carried = append(d.carried, recipeFor(root, some)) }, place.ErrInvalid},
		{"two recipes", func(d *draft) { d.carried = append(d.carried, recipeFor(more, some), recipeFor(more)) }, place.ErrInvalid},
		{"recipe of no size", func(d *draft) {
			r := recipeFor(more, some)
			r.Annotations["io.dray.recipe.target.size"] = "-1"
			d.carried = append(d.carried, r)
		}, place.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, p := newDraft(), new(mem.Place)
			tt.edit(d)
			if err := p.Commit(t.Context(), d.put(t, p), "u"); err != nil {
				t.Fatal(err)
			}
			_, err := bundle.Open(t.Context(), p, bundle.ReadOptions{})
			var tooLarge *blob.SizeError
			if tt.name == "large document" && errors.As(err, &tooLarge) {
				return
			}
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// Two updates in one place must not contradict each other, nor go round in circles.
func TestContradictingUpdates(t *testing.T) {
	needsOf := func(ds ...v1.Descriptor) []bundle.Blob {
		var all []bundle.Blob
		for _, d := range ds {
			all = append(all, bundle.Blob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType})
		}
		return all
	}
	other := manifest.Describe(types.OCIManifestSchema1, []byte("other"))
	second := func() *draft {
		d := newDraft()
		d.doc["root"], d.subject, d.carried, d.doc["names"] = other, &other, []v1.Descriptor{other}, []string{"b:1"}
		return d
	}
	for name, tt := range map[string]struct {
		edit func(a, b *draft)
		ok   bool
	}{
		"two images":                      {func(_, _ *draft) {}, true},
		"one carries what the next needs": {func(a, _ *draft) { a.doc["needs"] = needsOf(); a.carried = append(a.carried, some) }, true},
		"one name":                        {func(_, b *draft) { b.doc["names"] = []string{"a:1"} }, false},
		"two sizes":                       {func(_, b *draft) { larger := some; larger.Size++; b.doc["needs"] = needsOf(larger) }, false},
		"recipes in a circle": {func(a, b *draft) {
			a.carried = append(a.carried, recipeFor(more, some))
			b.doc["needs"] = needsOf(more)
			b.carried = append(b.carried, recipeFor(some, more))
		}, false},
		"a recipe made of what it makes": {func(a, b *draft) {
			how := recipeFor(more)
			a.carried = append(a.carried, how)
			b.doc["needs"] = needsOf(more)
			b.carried = append(b.carried, recipeFor(how, more))
		}, false},
	} {
		a, b, p := newDraft(), second(), new(mem.Place)
		tt.edit(a, b)
		for i, d := range []*draft{a, b} {
			if err := p.Commit(t.Context(), d.put(t, p), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := bundle.Open(t.Context(), p, bundle.ReadOptions{}); (err == nil) != tt.ok || err != nil && !errors.Is(err, place.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Many updates may share a large document: what is read of all together is bounded.
func TestManyUpdates(t *testing.T) {
	p := new(mem.Place)
	for i := range 10 {
		d := newDraft()
		d.doc["x"] = strings.Repeat("a", 7<<20)
		d.carried = append(d.carried, manifest.Describe(types.OCILayer, []byte(fmt.Sprint(i))))
		if err := p.Commit(t.Context(), d.put(t, p), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bundle.Open(t.Context(), p, bundle.ReadOptions{}); !errors.Is(err, place.ErrInvalid) || !strings.Contains(err.Error(), "bytes of updates") {
		t.Error(err)
	}
}

// An update that says less than it lacks is found out by what the image is made of.
func TestUntrueNeeds(t *testing.T) {
	d, p := newDraft(), new(mem.Place)
	d.doc["needs"] = []bundle.Blob{}
	if err := p.Commit(t.Context(), d.put(t, p), "u"); err != nil {
		t.Fatal(err)
	}
	src, err := bundle.Open(t.Context(), p, bundle.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var lack *place.LackError
	if _, err := src.Open(t.Context(), some); !errors.As(err, &lack) || !strings.Contains(err.Error(), some.Digest.String()) {
		t.Error(err)
	}
	l, _ := place.As[place.Lacker](src)
	if lacks, err := l.Lacks(t.Context(), []v1.Descriptor{some}); err != nil || len(lacks) != 1 {
		t.Errorf("%v, %v", lacks, err)
	}
}

// What another place has under the digest but in another size is not there.
func TestWrongSizeElsewhere(t *testing.T) {
	d, p := newDraft(), new(mem.Place)
	if err := p.Commit(t.Context(), d.put(t, p), "u"); err != nil {
		t.Fatal(err)
	}
	src, err := bundle.Open(t.Context(), p, bundle.ReadOptions{With: func(context.Context) ([]place.Source, error) {
		return []place.Source{short{new(mem.Place)}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if lacks, err := src.(*bundle.Source).Missing(t.Context()); err != nil || lacks == nil {
		t.Errorf("%v, %v", lacks, err)
	}
}

// short has everything, but one byte of it.
type short struct{ place.Source }

func (short) OpenFile(context.Context, v1.Hash) (place.File, error) {
	return place.FileAt(strings.NewReader("x"), 0, 1), nil
}

func FuzzUpdate(f *testing.F) {
	d := newDraft()
	raw, _ := json.Marshal(d.doc) // strings and structs
	f.Add(raw, root.Digest.Hex, "io.dray.recipe.target")
	f.Fuzz(func(t *testing.T, doc []byte, hex, key string) {
		p, d := new(mem.Place), newDraft()
		m := v1.Manifest{
			SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: bundle.UpdateType, Subject: d.subject,
			Config: manifest.Describe("application/vnd.oci.empty.v1+json", []byte("{}")), Layers: d.carried,
		}
		extra := recipeFor(more, some)
		extra.Annotations[key] = hex
		m.Layers = append(m.Layers, extra)
		if err := p.Commit(t.Context(), put(t, p, doc, m), "u"); err != nil {
			t.Fatal(err)
		}
		src, err := bundle.Open(t.Context(), p, bundle.ReadOptions{})
		if err != nil {
			return
		}
		if rc, err := src.Open(t.Context(), some); err == nil {
			_, _ = io.Copy(io.Discard, rc)
			t.Error("what is not there can be opened")
		}
	})
}

// TestRecipeWork: recipes upon recipes may not multiply, nor name a base twice.
func TestRecipeWork(t *testing.T) {
	level := func(n int) []v1.Descriptor {
		var ds []v1.Descriptor
		for i := range 8 {
			ds = append(ds, manifest.Describe(types.OCILayer, fmt.Appendf(nil, "%d %d", n, i)))
		}
		return ds
	}
	for what, tt := range map[string]struct {
		levels int
		ok     bool
	}{"some upon others": {3, true}, "eight times eight times eight": {4, false}} {
		p := new(mem.Place)
		for n := 1; n <= tt.levels; n++ {
			d := newDraft()
			other := manifest.Describe(types.OCIManifestSchema1, fmt.Append(nil, n))
			d.doc["root"], d.doc["names"], d.subject, d.carried = other, []string{fmt.Sprint("a:", n)}, &other, []v1.Descriptor{other}
			var needs []bundle.Blob
			for _, b := range level(n - 1) {
				needs = append(needs, bundle.Blob{Digest: b.Digest, Size: b.Size, MediaType: b.MediaType})
			}
			d.doc["needs"] = needs
			for _, target := range level(n) {
				d.carried = append(d.carried, recipeFor(target, level(n-1)...))
			}
			artifact := d.put(t, p)
			artifact.ArtifactType = bundle.UpdateType
			if err := p.Commit(t.Context(), artifact, fmt.Sprint(n)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := bundle.Open(t.Context(), p, bundle.ReadOptions{}); (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "takes more than") {
			t.Errorf("%s: %v", what, err)
		}
	}
	p, d := new(mem.Place), newDraft()
	d.carried = append(d.carried, recipeFor(more, some, some))
	artifact := d.put(t, p)
	artifact.ArtifactType = bundle.UpdateType
	if err := p.Commit(t.Context(), artifact, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Open(t.Context(), p, bundle.ReadOptions{}); err == nil || !strings.Contains(err.Error(), "one twice") {
		t.Error(err)
	}
}
