package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	armv7 = v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
	host  = arch.Platform{OS: "linux", Architecture: "amd64"}
)

func three(t testing.TB) placetest.Content {
	return placetest.Index(t,
		placetest.ImageSpec{Platform: amd64, Layers: []int{100, 2000}},
		placetest.ImageSpec{Platform: arm64, Layers: []int{100, 3000}},
		placetest.ImageSpec{Platform: armv7, Seed: 7})
}

func load(t testing.TB, name string, c placetest.Content) *mem.Place {
	t.Helper()
	p := new(mem.Place)
	for _, d := range c.Order {
		if err := p.Put(context.Background(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(context.Background(), c.Root, name); err != nil {
		t.Fatal(err)
	}
	return p
}

// recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) handle(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) count(k event.Kind) (n int, bytes int64) {
	for _, e := range r.events {
		if e.Kind == k {
			n++
			bytes += e.N
		}
	}
	return n, bytes
}

func (r *recorder) text() string {
	var b strings.Builder
	for _, e := range r.events {
		b.WriteString(e.Text + "\n")
	}
	return b.String()
}

func selection(t *testing.T, s ...string) arch.Selection {
	t.Helper()
	sel, err := arch.ParseList(s)
	if err != nil {
		t.Fatal(err)
	}
	return sel
}

func TestCopyWholeIndex(t *testing.T) {
	c := three(t)
	src, dst, rec := load(t, "a", c), new(mem.Place), new(recorder)
	results, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Name: "a", Names: []string{"b", "c"}}}, transfer.Options{Events: rec.handle})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Root.Digest != c.Root.Digest || results[0].Origin.Digest != c.Root.Digest {
		t.Errorf("%+v", results)
	}
	for _, name := range []string{"b", "c"} {
		if d, err := dst.Resolve(t.Context(), name); err != nil || d.Digest != c.Root.Digest {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	var total int64
	for _, d := range c.Order {
		total += d.Size
		if has, _ := dst.Has(t.Context(), d); !has {
			t.Errorf("%s is missing", d.Digest)
		}
	}
	if _, n := rec.count(event.Bytes); n != total {
		t.Errorf("%d bytes reported, %d moved", n, total)
	}

	again := new(recorder)
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Name: "a", Names: []string{"b"}}}, transfer.Options{Events: again.handle}); err != nil {
		t.Fatal(err)
	}
	if n, _ := again.count(event.Skip); n != len(c.Order) {
		t.Errorf("%d of %d skipped in the second run", n, len(c.Order))
	}
	if _, n := again.count(event.Bytes); n != 0 {
		t.Errorf("%d bytes moved in the second run", n)
	}
}

func TestPlatforms(t *testing.T) {
	c := three(t)
	children := func(ps ...int) (ds []string) {
		doc, err := manifest.New(c.Bytes[c.Root.Digest])
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range ps {
			ds = append(ds, doc.Index.Manifests[i].Digest.String())
		}
		return ds
	}
	for _, tt := range []struct {
		name   string
		o      transfer.Options
		want   []string // children of the result, or the result itself if it is one
		single bool
		same   bool
	}{
		{"all by default", transfer.Options{}, children(0, 1, 2), false, true},
		{"all", transfer.Options{Platforms: selection(t, "all"), HostByDefault: true}, children(0, 1, 2), false, true},
		{"the host by default", transfer.Options{HostByDefault: true}, children(0), true, false},
		{"one", transfer.Options{Platforms: selection(t, "linux/arm64")}, children(1), true, false},
		{"two", transfer.Options{Platforms: selection(t, "linux/arm64,linux/arm/v7")}, children(1, 2), false, false},
		{"each", transfer.Options{Platforms: selection(t, "linux/arm64", "linux/arm/v7,local")}, children(0, 1, 2), false, true},
		{"sparse", transfer.Options{Platforms: selection(t, "linux/arm64"), Sparse: true}, children(0, 1, 2), false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dst := new(mem.Place)
			tt.o.Host = host
			results, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: load(t, "a", c), Name: "a", Names: []string{"b"}}}, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			root := results[0].Root
			if tt.same != (root.Digest == c.Root.Digest) || results[0].Origin.Digest != c.Root.Digest {
				t.Errorf("root %s of %s", root.Digest, results[0].Origin.Digest)
			}
			if !tt.same && root.Annotations[image.AnnotationOrigin] != c.Root.Digest.String() {
				t.Errorf("annotations %v", root.Annotations)
			}
			doc, err := place.ReadManifest(t.Context(), dst, root)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{doc.Descriptor.Digest.String()}
			if !tt.single {
				got = nil
				for _, d := range doc.Children() {
					got = append(got, d.Digest.String())
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.name == "sparse" {
				if has, _ := dst.Has(t.Context(), doc.Index.Manifests[0]); has {
					t.Error("a platform was copied that was not asked for")
				}
			}
		})
	}
}

func TestPlatformNotThere(t *testing.T) {
	dst := new(mem.Place)
	_, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: load(t, "a", three(t)), Name: "a", Names: []string{"b"}}},
		transfer.Options{Platforms: selection(t, "linux/s390x")})
	var missing *arch.MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "linux/arm/v7") {
		t.Errorf("got %v", err)
	}
	single := placetest.Image(t, placetest.ImageSpec{})
	_, err = transfer.Copy(t.Context(), dst, []transfer.Request{{Source: load(t, "a", single), Name: "a"}}, transfer.Options{Platforms: selection(t, "linux/arm64")})
	if !errors.As(err, &missing) {
		t.Errorf("a single image: %v", err)
	}
	rec := new(recorder)
	foreign := placetest.Image(t, placetest.ImageSpec{Platform: arm64})
	_, err = transfer.Copy(t.Context(), dst, []transfer.Request{{Source: load(t, "a", foreign), Name: "a"}}, transfer.Options{HostByDefault: true, Host: host, Events: rec.handle})
	if err != nil || !strings.Contains(rec.text(), "it is for linux/arm64") {
		t.Errorf("a single image for another host: %v, %s", err, rec.text())
	}
}

// single is a sink that takes no index.
type single struct{ *mem.Place }

func (single) Traits() place.Traits { return place.Traits{Kind: "single", NoIndex: true} }

func TestSinkWithoutIndexes(t *testing.T) {
	c := three(t)
	req := []transfer.Request{{Source: load(t, "a", c), Name: "a", Names: []string{"b"}}}
	results, err := transfer.Copy(t.Context(), single{new(mem.Place)}, req, transfer.Options{Host: host})
	if err != nil || results[0].Root.MediaType.IsIndex() {
		t.Errorf("%v, %v", results, err)
	}
	if _, err := transfer.Copy(t.Context(), single{new(mem.Place)}, req, transfer.Options{Platforms: selection(t, "all")}); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("all: %v", err)
	}
	if _, err := transfer.Copy(t.Context(), single{new(mem.Place)}, req, transfer.Options{Platforms: selection(t, "linux/amd64,linux/arm64")}); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("two: %v", err)
	}
}

// ordered fails a Put whose children were not put before.
type ordered struct{ *mem.Place }

func (o ordered) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	if manifest.Is(d.MediaType) {
		raw, err := blob.ReadAll(ctx, open, d, manifest.MaxBytes)
		if err != nil {
			return err
		}
		doc, err := manifest.Parse(d, raw)
		if err != nil {
			return err
		}
		for _, child := range doc.Children() {
			if has, _ := o.Has(ctx, child); !has {
				return fmt.Errorf("%s comes before %s", d.Digest, child.Digest)
			}
		}
	}
	return o.Place.Put(ctx, d, open)
}

func TestChildrenComeFirst(t *testing.T) {
	if _, err := transfer.Copy(t.Context(), ordered{new(mem.Place)}, []transfer.Request{{Source: load(t, "a", three(t)), Name: "a"}}, transfer.Options{Jobs: 8}); err != nil {
		t.Error(err)
	}
}

func TestNothingIsCommittedAfterAFault(t *testing.T) {
	c := three(t)
	src := new(mem.Place)
	for _, d := range c.Order[1:] { // the first layer is lost
		if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := src.Commit(t.Context(), c.Root, "a"); err != nil {
		t.Fatal(err)
	}
	dst := new(mem.Place)
	_, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Name: "a", Names: []string{"b"}}}, transfer.Options{})
	if !errors.Is(err, place.ErrNotFound) || !strings.Contains(err.Error(), c.Order[0].Digest.String()) {
		t.Errorf("got %v", err)
	}
	if d, err := dst.Resolve(t.Context(), "b"); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("b stands for %v, %v", d, err)
	}
}

func TestTwoImagesUnderOneName(t *testing.T) {
	a, b := placetest.Image(t, placetest.ImageSpec{}), placetest.Image(t, placetest.ImageSpec{Seed: 2})
	dst := new(mem.Place)
	_, err := transfer.Copy(t.Context(), dst, []transfer.Request{
		{Source: load(t, "a", a), Name: "a", Names: []string{"x", "y"}},
		{Source: load(t, "b", b), Name: "b", Names: []string{"z", "x"}},
	}, transfer.Options{})
	var clash *transfer.NameError
	if !errors.As(err, &clash) || clash.Name != "x" {
		t.Errorf("got %v", err)
	}
	if has, _ := dst.Has(t.Context(), a.Root); has {
		t.Error("something was written")
	}
}

func TestWantedDigest(t *testing.T) {
	c := three(t)
	dst := new(mem.Place)
	req := transfer.Request{Source: load(t, "a", c), Name: "a", Names: []string{"b"}, Digest: c.Order[0].Digest}
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{req}, transfer.Options{}); !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("another digest: %v", err)
	}
	if has, _ := dst.Has(t.Context(), c.Order[0]); has {
		t.Error("something was written")
	}
	req.Digest = c.Root.Digest
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{req}, transfer.Options{}); err != nil {
		t.Errorf("the right digest: %v", err)
	}
}

// TestNamesFitTheirDigest chooses a platform of what is named by its digest.
func TestNamesFitTheirDigest(t *testing.T) {
	c := three(t)
	results, err := transfer.Copy(t.Context(), new(mem.Place), []transfer.Request{{
		Source: load(t, "a", c), Name: "a", Names: []string{"example.com/a@" + c.Root.Digest.String()},
	}}, transfer.Options{HostByDefault: true, Host: host})
	if err != nil {
		t.Fatal(err)
	}
	if want := "example.com/a@" + results[0].Root.Digest.String(); results[0].Names[0] != want {
		t.Errorf("name %s, want %s", results[0].Names[0], want)
	}
}

// planner is a sink that plans.
type planner struct{ *mem.Place }

func (planner) Plan(_ context.Context, p place.Plan) ([]v1.Descriptor, error) { return p.Blobs, nil }

func TestFirstPlatformMustBeThere(t *testing.T) {
	req := []transfer.Request{{Source: load(t, "a", three(t)), Name: "a"}}
	var missing *arch.MissingError
	_, err := transfer.Copy(t.Context(), planner{new(mem.Place)}, req, transfer.Options{First: arch.Platform{OS: "linux", Architecture: "s390x"}})
	if !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	if _, err = transfer.Copy(t.Context(), planner{new(mem.Place)}, req, transfer.Options{First: arch.FromV1(&arm64)}); err != nil {
		t.Error(err)
	}
}

// TestOneDigestTwoKinds refuses an index that names a manifest that one of its
// images names as a layer: whoever takes it for the one loses the other.
func TestOneDigestTwoKinds(t *testing.T) {
	victim := placetest.Image(t, placetest.ImageSpec{})
	src := load(t, "a", victim)
	put := func(mt types.MediaType, v any) v1.Descriptor {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		d := manifest.Describe(mt, raw)
		if err := src.Put(t.Context(), d, blob.Bytes(raw)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	asLayer := victim.Root
	asLayer.MediaType = types.OCILayer
	image := put(types.OCIManifestSchema1, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: victim.Order[1], Layers: []v1.Descriptor{asLayer},
	})
	index := put(types.OCIImageIndex, v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{image, victim.Root},
	})
	dst := new(mem.Place)
	if _, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Root: index, Names: []string{"b"}}}, transfer.Options{}); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestForeignLayers(t *testing.T) {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.DockerManifestSchema2}
	config := []byte(`{"os":"windows","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"config":{}}`)
	m.Config = manifest.Describe(types.DockerConfigJSON, config)
	foreign := manifest.Describe(types.DockerForeignLayer, []byte("far away"))
	foreign.URLs = []string{"https://example.com/layer"}
	m.Layers = []v1.Descriptor{foreign}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	root := manifest.Describe(m.MediaType, raw)
	src := new(mem.Place)
	for d, b := range map[*v1.Descriptor][]byte{&m.Config: config, &root: raw} {
		if err := src.Put(t.Context(), *d, blob.Bytes(b)); err != nil {
			t.Fatal(err)
		}
	}
	dst := new(mem.Place)
	_, err = transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Root: root, Names: []string{"w"}}}, transfer.Options{})
	var incomplete *transfer.IncompleteError
	if !errors.As(err, &incomplete) || incomplete.Missing[0].Digest != foreign.Digest {
		t.Errorf("got %v", err)
	}
	if _, err := dst.Resolve(t.Context(), "w"); err != nil {
		t.Error(err)
	}
	if err := src.Put(t.Context(), foreign, blob.Bytes([]byte("far away"))); err != nil {
		t.Fatal(err)
	}
	if _, err = transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Root: root, Names: []string{"w"}}}, transfer.Options{}); err != nil {
		t.Errorf("where the source has it: %v", err)
	}
}

func ExampleCopy() {
	ctx, src, dst := context.Background(), new(mem.Place), new(mem.Place)
	raw := []byte(`{"schemaVersion":2,"manifests":[]}`)
	root := manifest.Describe(types.OCIImageIndex, raw)
	if err := src.Put(ctx, root, blob.Bytes(raw)); err != nil {
		fmt.Println(err)
	}
	results, err := transfer.Copy(ctx, dst, []transfer.Request{{Source: src, Root: root, Names: []string{"there"}}}, transfer.Options{})
	fmt.Println(results[0].Names, err)
	// Output: [there] <nil>
}
