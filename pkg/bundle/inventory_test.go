package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// hold puts c into p, under names.
func hold(t testing.TB, p *mem.Place, c placetest.Content, names ...string) {
	t.Helper()
	for _, d := range c.Order {
		if err := p.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(t.Context(), c.Root, names...); err != nil {
		t.Fatal(err)
	}
}

func survey(t testing.TB, src place.Source, root v1.Descriptor, names ...string) *bundle.Inventory {
	t.Helper()
	var s bundle.Survey
	if err := s.Add(t.Context(), src, root, names...); err != nil {
		t.Fatal(err)
	}
	return s.Inventory()
}

func TestSurvey(t *testing.T) {
	arm := v1.Platform{OS: "linux", Architecture: "arm64"}
	c := placetest.Index(t, placetest.ImageSpec{Seed: 1, Layers: []int{10, 20}}, placetest.ImageSpec{Seed: 9, Platform: arm})
	p := new(mem.Place)
	hold(t, p, c, "a:1", "a:2")
	inv := survey(t, p, c.Root, "a:2", "a:1")
	raw, err := inv.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := bundle.ReadInventory(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Blobs) != len(c.Order) || len(back.Images) != 2 || back.Images[0].Name != "a:1" || back.Images[1].Digest != c.Root.Digest {
		t.Errorf("%s", raw)
	}
	ids := 0
	for _, b := range back.Blobs {
		if want := int64(len(c.Bytes[b.Digest])); b.Size != want {
			t.Errorf("%s: %d bytes, want %d", b.Digest, b.Size, want)
		}
		if b.DiffID != nil { // layers of placetest are plain tars
			ids++
			if *b.DiffID != b.Digest {
				t.Errorf("%s has the diffID %s", b.Digest, b.DiffID)
			}
		}
	}
	if ids != 3 {
		t.Errorf("%d layers with a diffID, want 3", ids)
	}
	again, err := survey(t, p, c.Root, "a:1", "a:2").Marshal()
	if err != nil || !bytes.Equal(again, raw) {
		t.Errorf("equal content, other bytes:\n%s\n%s", raw, again)
	}
}

// An index of which only one platform is there makes nobody believe in the other.
func TestSurveySparse(t *testing.T) {
	c := placetest.Index(t, placetest.ImageSpec{Seed: 1}, placetest.ImageSpec{Seed: 2, Platform: v1.Platform{OS: "linux", Architecture: "arm64"}})
	p := new(mem.Place)
	for _, d := range append(c.Order[:3:3], c.Root) {
		if err := p.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if inv := survey(t, p, c.Root); len(inv.Blobs) != 4 {
		t.Errorf("%d blobs, want 4", len(inv.Blobs))
	}
}

func TestSurveyArrived(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Seed: 3, Layers: []int{5, 6}})
	src := new(mem.Place)
	hold(t, src, c, "x")
	var s bundle.Survey
	root := manifest.Describe(types.OCIManifestSchema1, c.Bytes[c.Root.Digest])
	a := bundle.Arrived{Root: root, Raw: c.Bytes[root.Digest], Blobs: c.Order[1:], Names: []string{"n"}}
	if err := s.AddArrived(t.Context(), sinkOnly{}, src, a); err != nil {
		t.Fatal(err)
	}
	inv := s.Inventory()
	if len(inv.Blobs) != len(c.Order)-1 || inv.Images[0] != (bundle.Image{Name: "n", Digest: root.Digest}) {
		t.Errorf("%+v", inv)
	}
}

type sinkOnly struct{ place.Sink }

func TestReadInventory(t *testing.T) {
	const h = `"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"`
	doc := func(rest string) string {
		return fmt.Sprintf(`{"mediaType":%q%s}`, bundle.InventoryType, rest)
	}
	for _, tt := range []struct {
		name, raw string
		want      error
	}{
		{"empty", doc(``), nil},
		{"blob", doc(`,"blobs":[{"digest":` + h + `,"size":2,"mediaType":"x","diffID":` + h + `}]`), nil},
		{"later key", doc(`,"signed":{"by":"x"}`), nil},
		{"no version", `{}`, place.ErrInvalid},
		{"other version", `{"mediaType":"application/vnd.dray.inventory.v2+json"}`, place.ErrUnsupported},
		{"no JSON", `x`, place.ErrInvalid},
		{"more behind", doc(``) + `{}`, place.ErrInvalid},
		{"negative size", doc(`,"blobs":[{"digest":` + h + `,"size":-2,"mediaType":"x"}]`), place.ErrInvalid},
		{"no digest", doc(`,"blobs":[{"size":2,"mediaType":"x"}]`), place.ErrInvalid},
		{"bad diffID", doc(`,"blobs":[{"digest":` + h + `,"size":2,"mediaType":"x","diffID":"sha256:x"}]`), place.ErrInvalid},
		{"two sizes", doc(`,"blobs":[{"digest":` + h + `,"size":2,"mediaType":"x"},{"digest":` + h + `,"size":3,"mediaType":"x"}]`), place.ErrInvalid},
		{"image without digest", doc(`,"images":[{"name":"a"}]`), place.ErrInvalid},
		{"long name", doc(`,"images":[{"digest":` + h + `,"name":"` + strings.Repeat("a", 2000) + `"}]`), place.ErrInvalid},
		{"a million blobs", doc(`,"blobs":[` + strings.Repeat(`{"size":1},`, 1_000_000) + `{"size":1}]`), place.ErrInvalid},
		{"too large", doc(strings.Repeat(" ", bundle.MaxInventoryBytes)), place.ErrInvalid},
	} {
		_, err := bundle.ReadInventory(strings.NewReader(tt.raw))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func FuzzReadInventory(f *testing.F) {
	f.Add([]byte(`{"mediaType":"application/vnd.dray.inventory.v1+json","images":[{"name":"a","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}],"blobs":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		inv, err := bundle.ReadInventory(bytes.NewReader(raw))
		if err != nil {
			return
		}
		out, err := inv.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.ReadInventory(bytes.NewReader(out)); err != nil {
			t.Errorf("%q does not come back: %v", out, err)
		}
	})
}

// What the other side has does not depend on who lists it first: recipes are made by it.
func TestHaveOrder(t *testing.T) {
	id := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	blobs := []bundle.Blob{
		{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("c", 64)}, Size: 1, DiffID: &id},
		{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("b", 64)}, Size: 2, DiffID: &id},
	}
	a := bundle.NewHave(&bundle.Inventory{Blobs: blobs})
	b := bundle.NewHave(&bundle.Inventory{Blobs: blobs[1:]}, &bundle.Inventory{Blobs: blobs[:1]})
	for _, h := range []*bundle.Have{a, b} {
		var all []bundle.Blob
		h.All(func(b bundle.Blob) bool { all = append(all, b); return true })
		if len(all) != 2 || all[0].Size != 2 || len(h.Unpacked(id)) != 2 || h.Unpacked(id)[0].Size != 2 {
			t.Errorf("%+v, %+v", all, h.Unpacked(id))
		}
	}
}
