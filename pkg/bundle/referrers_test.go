package bundle_test

import (
	"errors"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

// TestUpdateReferrers: what belongs to an image is in its update, and found in it, but
// is no image of it.
func TestUpdateReferrers(t *testing.T) {
	p, _, two := images(t)
	tag := "registry.example/app:" + manifest.CosignTags(two.Root.Digest)[2]
	sig, sbom := placetest.Signature(t, v1.Descriptor{}, "signed"), placetest.Signature(t, two.Root, "an SBOM")
	for c, names := range map[*placetest.Content][]string{&sig: {tag}, &sbom: nil} {
		c.Root.Annotations = map[string]string{place.AnnotationSubject: two.Root.Digest.String()}
		hold(t, p, *c, names...)
	}
	inv := survey(t, p, two.Root)
	if want := len(two.Order) + len(sig.Order) + len(sbom.Order); len(inv.Blobs) != want {
		t.Errorf("the inventory has %d blobs, want %d", len(inv.Blobs), want)
	}
	var sum bundle.Summary
	path := write(t, bundle.Options{Planned: func(s bundle.Summary) { sum = s }}, request(p, two, v2Name))
	if sum.Images != 1 {
		t.Errorf("%d images", sum.Images)
	}
	src := read(t, path, bundle.ReadOptions{})
	var listed []string
	if err := src.List(t.Context(), func(e place.Entry) error { listed = append(listed, e.Name); return nil }); err != nil || len(listed) != 1 {
		t.Errorf("listed are %q, %v", listed, err)
	}
	dst := new(mem.Place)
	results, err := transfer.Copy(t.Context(), dst, []transfer.Request{request(src, two, v2Name)}, transfer.Options{})
	if err != nil || len(results[0].Referrers) != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	var s bundle.Survey
	r := results[0]
	if err := s.AddArrived(t.Context(), dst, src, bundle.Arrived{Root: r.Root, Raw: r.Raw, Blobs: r.Blobs, Referrers: r.Referrers}); err != nil || len(s.Inventory().Blobs) != len(inv.Blobs) {
		t.Errorf("the receipt has %d blobs, %v", len(s.Inventory().Blobs), err)
	}
	found, err := place.Referrers(t.Context(), dst, two.Root, "")
	if err != nil || len(found) != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestReferrersLack: what belongs to an image is missed before anything is written too.
func TestReferrersLack(t *testing.T) {
	p, _, two := images(t)
	sbom := placetest.Signature(t, two.Root, "an SBOM")
	sbom.Root.Annotations = map[string]string{place.AnnotationSubject: two.Root.Digest.String()}
	hold(t, p, sbom)
	var s bundle.Survey
	if err := s.Add(t.Context(), p, sbom.Root); err != nil {
		t.Fatal(err)
	}
	src := read(t, write(t, bundle.Options{Have: bundle.NewHave(s.Inventory())}, request(p, two, v2Name)), bundle.ReadOptions{})
	dst := &counting{Place: new(mem.Place)}
	_, err := transfer.Copy(t.Context(), dst, []transfer.Request{request(src, two, v2Name)}, transfer.Options{})
	var lack *place.LackError
	if !errors.As(err, &lack) || dst.puts.Load() > 0 {
		t.Errorf("%v after %d puts", err, dst.puts.Load())
	}
}
