package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/store"
)

// belong puts c as belonging to subject.
func belong(t *testing.T, s *store.Store, c placetest.Content, subject v1.Descriptor, names ...string) {
	t.Helper()
	for _, b := range c.Order {
		if err := s.Put(t.Context(), b, blob.Bytes(c.Bytes[b.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	c.Root.Annotations = map[string]string{place.AnnotationSubject: subject.Digest.String()}
	if err := s.Commit(t.Context(), c.Root, names...); err != nil {
		t.Fatal(err)
	}
}

// TestWhatBelongsStaysAndGoes: prune takes a signature of an SBOM of one platform of an
// index away with the index, and no sooner.
func TestWhatBelongsStaysAndGoes(t *testing.T) {
	s := open(t, nil)
	img := placetest.Index(t, placetest.ImageSpec{}, placetest.ImageSpec{Seed: 1})
	put(t, s, img, "example.com/a:1", "example.com/a:2")
	child := img.Order[len(img.Order)-2]
	sbom := placetest.Signature(t, child, "an SBOM")
	belong(t, s, sbom, child, "example.com/a@"+sbom.Root.Digest.String())
	sig := placetest.Signature(t, v1.Descriptor{}, "a signature of it")
	tag := "example.com/a:" + manifest.CosignTags(sbom.Root.Digest)[2]
	belong(t, s, sig, sbom.Root, tag)

	if err := s.Remove(t.Context(), "example.com/a:1"); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Prune(t.Context(), store.PruneOptions{}); err != nil || p.Blobs != 0 {
		t.Errorf("while it is there: %+v, %v", p, err)
	}
	for subject, want := range map[v1.Hash]v1.Hash{child.Digest: sbom.Root.Digest, sbom.Root.Digest: sig.Root.Digest} {
		if found, err := s.Referrers(t.Context(), v1.Descriptor{Digest: subject}); err != nil || len(found) != 1 || found[0].Digest != want {
			t.Errorf("%s has %v, %v", subject, found, err)
		}
	}
	if d, err := s.Resolve(t.Context(), tag); err != nil || d.Digest != sig.Root.Digest {
		t.Errorf("its own name: %v, %v", d, err)
	}
	if err := s.Remove(t.Context(), "example.com/a:2"); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Prune(t.Context(), store.PruneOptions{DryRun: true}); err != nil || p.Blobs == 0 {
		t.Errorf("a dry run: %+v, %v", p, err)
	} else if found, _ := s.Referrers(t.Context(), child); len(found) != 1 {
		t.Error("a dry run removed something")
	}
	if _, err := s.Prune(t.Context(), store.PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(s.Path(), "blobs", "sha256"))
	if err != nil || len(entries) > 0 {
		t.Errorf("%d blobs are left, %v", len(entries), err)
	}
	if found, err := s.Referrers(t.Context(), child); err != nil || len(found) > 0 {
		t.Errorf("still known: %v, %v", found, err)
	}
}

// TestCheckLooksAtWhatBelongs names the image that has a damaged signature.
func TestCheckLooksAtWhatBelongs(t *testing.T) {
	s := open(t, nil)
	img := placetest.Image(t, placetest.ImageSpec{})
	put(t, s, img, "example.com/a:1")
	sig := placetest.Signature(t, img.Root, "signed")
	belong(t, s, sig, img.Root)
	if faults, err := s.Check(t.Context(), false); err != nil || len(faults) > 0 {
		t.Fatalf("%v, %v", faults, err)
	}
	lost := sig.Order[1].Digest
	if err := os.Remove(filepath.Join(s.Path(), "blobs", "sha256", lost.Hex)); err != nil {
		t.Fatal(err)
	}
	faults, err := s.Check(t.Context(), false)
	if err != nil || len(faults) != 1 || faults[0].Digest != lost || len(faults[0].Names) != 1 || faults[0].Names[0] != "example.com/a:1" {
		t.Errorf("%+v, %v", faults, err)
	}
	if _, err := s.Resolve(t.Context(), "example.com/a:2"); !errors.Is(err, place.ErrNotFound) {
		t.Error(err)
	}
}
