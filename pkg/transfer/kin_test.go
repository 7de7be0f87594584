package transfer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

// attach puts c at p, where it belongs to subject.
func attach(t *testing.T, p *mem.Place, c placetest.Content, subject v1.Descriptor, names ...string) {
	t.Helper()
	for _, d := range c.Order {
		if err := p.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	d := c.Root
	d.Annotations = map[string]string{place.AnnotationSubject: subject.Digest.String()}
	if err := p.Commit(t.Context(), d, names...); err != nil {
		t.Fatal(err)
	}
}

// family is an index with a signature under a tag of cosign, an SBOM of its first
// image, and a signature of that.
type family struct {
	image         placetest.Content
	child         v1.Descriptor
	sig, sbom, of placetest.Content
}

func newFamily(t *testing.T) (family, *mem.Place) {
	t.Helper()
	f := family{image: three(t)}
	p := load(t, "example.com/a:1", f.image)
	f.child = f.image.Order[slices.IndexFunc(f.image.Order, func(d v1.Descriptor) bool { return manifest.Is(d.MediaType) })]
	f.sig = placetest.Signature(t, v1.Descriptor{}, "signed")
	f.sbom = placetest.Signature(t, f.child, "an SBOM")
	f.of = placetest.Signature(t, f.sbom.Root, "signed SBOM")
	attach(t, p, f.sig, f.image.Root, "example.com/a:"+manifest.CosignTags(f.image.Root.Digest)[2])
	attach(t, p, f.sbom, f.child)
	attach(t, p, f.of, f.sbom.Root)
	return f, p
}

// notes keeps what is said, and what is told of referrers.
func notes() (event.Handler, func() (texts []string, count, total int)) {
	var mu sync.Mutex
	var texts []string
	var count, total int
	return func(e event.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e.Kind {
			case event.Note, event.Warn:
				texts = append(texts, e.Text)
			case event.Referrers:
				count += e.Count
				total += int(e.Total)
			}
		}, func() ([]string, int, int) {
			mu.Lock()
			defer mu.Unlock()
			return texts, count, total
		}
}

// far is a source that is not near, as registries are.
type far struct{ place.Source }

func (f far) Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	return place.Referrers(ctx, f.Source, d, "")
}

// TestAllThatBelongs carries a family to sinks that plan and that do not.
func TestAllThatBelongs(t *testing.T) {
	f, src := newFamily(t)
	for title, to := range map[string]func(p *mem.Place) place.Sink{
		"a place":   func(p *mem.Place) place.Sink { return p },
		"a planner": func(p *mem.Place) place.Sink { return planner{p} },
		"in order":  func(p *mem.Place) place.Sink { return ordered{p} },
	} {
		for _, from := range []place.Source{src, far{src}} {
			dst := new(mem.Place)
			handle, said := notes()
			results, err := transfer.Copy(t.Context(), to(dst), []transfer.Request{{
				Source: from, Name: "example.com/a:1", Names: []string{"example.org/b:2", "example.org/b:3"},
			}}, transfer.Options{Events: handle})
			if err != nil {
				t.Fatalf("%s: %v", title, err)
			}
			if len(results[0].Referrers) != 3 || len(results[0].Blobs) != len(f.image.Order)+8 {
				t.Errorf("%s: %d referrers, %d blobs", title, len(results[0].Referrers), len(results[0].Blobs))
			}
			if texts, count, total := said(); len(texts) > 0 || count != 3 || total != 3 {
				t.Errorf("%s: %q, %d of %d", title, texts, count, total)
			}
			for subject, want := range map[v1.Hash]placetest.Content{f.image.Root.Digest: f.sig, f.child.Digest: f.sbom, f.sbom.Root.Digest: f.of} {
				found, err := place.Referrers(t.Context(), dst, v1.Descriptor{Digest: subject}, "")
				if err != nil || len(found) != 1 || found[0].Digest != want.Root.Digest {
					t.Errorf("%s: %s has %v, %v", title, subject, found, err)
				}
				for _, d := range want.Order {
					if has, _ := dst.Has(t.Context(), d); !has {
						t.Errorf("%s: %s is not there", title, d.Digest)
					}
				}
			}
		}
	}
}

func TestNoReferrers(t *testing.T) {
	f, src := newFamily(t)
	dst := new(mem.Place)
	handle, said := notes()
	_, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Name: "example.com/a:1", Names: []string{"b"}}}, transfer.Options{NoReferrers: true, Events: handle})
	if err != nil {
		t.Fatal(err)
	}
	if has, _ := dst.Has(t.Context(), f.sig.Root); has {
		t.Error("a signature came along")
	}
	if texts, _, total := said(); len(texts) > 0 || total != 0 {
		t.Errorf("%q, %d", texts, total)
	}
}

// TestPartOfAnIndex: what belongs to the index itself stays behind, and that is said.
func TestPartOfAnIndex(t *testing.T) {
	f, src := newFamily(t)
	dst := new(mem.Place)
	handle, said := notes()
	results, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Name: "example.com/a:1", Names: []string{"b"}}},
		transfer.Options{Platforms: selection(t, "linux/amd64"), Events: handle})
	if err != nil || results[0].Root.Digest != f.child.Digest || len(results[0].Referrers) != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	texts, count, total := said()
	if count != 2 || total != 2 || !slices.ContainsFunc(texts, func(s string) bool {
		return strings.Contains(s, f.image.Root.Digest.String()+" itself, 1 in all")
	}) {
		t.Errorf("%q, %d of %d", texts, count, total)
	}
}

// keepless is a sink that keeps no referrers.
type keepless struct{ *mem.Place }

func (k keepless) Traits() place.Traits { return place.Traits{Kind: "thing"} }

func TestWhoKeepsNone(t *testing.T) {
	_, src := newFamily(t)
	dst := new(mem.Place)
	handle, said := notes()
	_, err := transfer.Copy(t.Context(), keepless{dst}, []transfer.Request{{Source: src, Name: "example.com/a:1", Names: []string{"b"}}}, transfer.Options{Events: handle})
	if err != nil {
		t.Fatal(err)
	}
	texts, count, total := said()
	if count != 0 || total != 2 || len(texts) != 1 || !strings.Contains(texts[0], "2 in all: thing keeps none") {
		t.Errorf("%q, %d of %d", texts, count, total)
	}
}

// liar is a source that says more than it has.
type liar struct {
	place.Source
	says func(d v1.Descriptor) ([]v1.Descriptor, error)
}

func (l liar) Referrers(_ context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	return l.says(d)
}

// TestLostReferrers: nothing is committed without what belongs to it.
func TestLostReferrers(t *testing.T) {
	img := three(t)
	src := load(t, "a", img)
	lost := placetest.Signature(t, img.Root, "lost")
	empty := placetest.Signature(t, img.Root, "its payload is lost")
	for _, d := range empty.Order[:1] {
		if err := src.Put(t.Context(), d, blob.Bytes(empty.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := src.Put(t.Context(), empty.Root, blob.Bytes(empty.Bytes[empty.Root.Digest])); err != nil {
		t.Fatal(err)
	}
	down := errors.New("it is down")
	layer := img.Order[0]
	layer.MediaType = img.Root.MediaType
	for title, says := range map[string]func() ([]v1.Descriptor, error){
		"not there":        func() ([]v1.Descriptor, error) { return []v1.Descriptor{lost.Root}, nil },
		"a part not there": func() ([]v1.Descriptor, error) { return []v1.Descriptor{empty.Root}, nil },
		"no manifest":      func() ([]v1.Descriptor, error) { return []v1.Descriptor{img.Order[0]}, nil },
		"a layer":          func() ([]v1.Descriptor, error) { return []v1.Descriptor{layer}, nil },
		"no digest":        func() ([]v1.Descriptor, error) { return []v1.Descriptor{{MediaType: img.Root.MediaType}}, nil },
		"no answer":        func() ([]v1.Descriptor, error) { return nil, down },
	} {
		for _, plans := range []bool{false, true} {
			dst := new(mem.Place)
			var to place.Sink = dst
			if plans {
				to = planner{dst}
			}
			from := liar{far{src}, func(d v1.Descriptor) ([]v1.Descriptor, error) {
				if d.Digest != img.Root.Digest {
					return nil, nil
				}
				return says()
			}}
			_, err := transfer.Copy(t.Context(), to, []transfer.Request{{Source: from, Name: "a", Names: []string{"b"}}}, transfer.Options{})
			var failed *transfer.ReferrerError
			if title == "a layer" { // it has no subject, so it is left out
				if err != nil {
					t.Errorf("%s: %v", title, err)
				}
				continue
			}
			if !errors.As(err, &failed) || failed.Hint() == "" || errors.Is(err, place.ErrNotFound) {
				t.Errorf("%s: %v", title, err)
			}
			if d, err := dst.Resolve(t.Context(), "b"); err == nil {
				t.Errorf("%s: %s is committed", title, d.Digest)
			}
		}
	}
}

// TestHostileReferrers: who belongs to itself, or to something else, or to what
// belongs to what belongs to it, for ever.
func TestHostileReferrers(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	src := load(t, "a", img)
	other := placetest.Signature(t, img.Order[0], "of something else")
	chain := map[v1.Hash]v1.Descriptor{}
	subject := img.Root
	for range 20 {
		c := placetest.Signature(t, subject, subject.Digest.String())
		attach(t, src, c, img.Order[0])
		chain[subject.Digest], subject = c.Root, c.Root
	}
	attach(t, src, other, img.Order[0])
	for title, c := range map[string]struct {
		says  func(d v1.Descriptor) []v1.Descriptor
		fails bool
	}{
		"itself":         {func(v1.Descriptor) []v1.Descriptor { return []v1.Descriptor{img.Root} }, false},
		"something else": {func(v1.Descriptor) []v1.Descriptor { return []v1.Descriptor{other.Root} }, false},
		"a long chain":   {func(d v1.Descriptor) []v1.Descriptor { return []v1.Descriptor{chain[d.Digest]} }, true},
		"very many":      {many, true},
	} {
		dst := new(mem.Place)
		from := liar{far{src}, func(d v1.Descriptor) ([]v1.Descriptor, error) { return c.says(d), nil }}
		results, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: from, Name: "a", Names: []string{"b"}}}, transfer.Options{})
		if c.fails != (err != nil) || !c.fails && len(results[0].Referrers) > 0 {
			t.Errorf("%s: %v, %v", title, results, err)
		}
		if c.fails && !errors.Is(err, place.ErrInvalid) && title != "very many" {
			t.Errorf("%s: %v", title, err)
		}
	}
}

// many are twenty thousand that are not there.
func many(v1.Descriptor) []v1.Descriptor {
	all := make([]v1.Descriptor, 0, 20_000)
	for i := range cap(all) {
		all = append(all, manifest.Describe("application/vnd.oci.image.manifest.v1+json", []byte{byte(i), byte(i >> 8), byte(i >> 16)}))
	}
	return all
}

// TestSameTagOfTwoRepositories takes the signature that the image's own repository has.
func TestSameTagOfTwoRepositories(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	src := load(t, "example.com/a:1", img)
	tag := manifest.CosignTags(img.Root.Digest)[2]
	a, b := placetest.Signature(t, v1.Descriptor{}, "by a"), placetest.Signature(t, v1.Descriptor{}, "by b")
	attach(t, src, a, img.Root, "example.com/a:"+tag)
	attach(t, src, b, img.Root, "example.com/b:"+tag)
	for from, want := range map[string]v1.Hash{"example.com/a:1": a.Root.Digest, "example.com/b:1": b.Root.Digest} {
		results, err := transfer.Copy(t.Context(), new(mem.Place), []transfer.Request{{Source: src, Root: img.Root, From: from}}, transfer.Options{})
		if err != nil || len(results[0].Referrers) != 1 || results[0].Referrers[0].Digest != want {
			t.Errorf("%s: %v, %v", from, results, err)
		}
	}
}
