package manifest_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
)

func TestAsReferrer(t *testing.T) {
	for raw, want := range map[string]string{
		`{"schemaVersion":2,"artifactType":"a/b","annotations":{"k":"v"},"config":` + config + `,"layers":[]}`: "a/b",
		`{"schemaVersion":2,"annotations":{"k":"v"},"config":` + config + `,"layers":[]}`:                      "application/vnd.oci.image.config.v1+json",
		`{"schemaVersion":2,"artifactType":"c/d","annotations":{"k":"v"},"manifests":[]}`:                      "c/d",
		`{"schemaVersion":2,"annotations":{"k":"v"},"manifests":[]}`:                                           "",
	} {
		doc, err := manifest.New([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		d := doc.AsReferrer()
		if d.ArtifactType != want || d.Annotations["k"] != "v" || d.Digest != doc.Descriptor.Digest || d.Size != int64(len(raw)) {
			t.Errorf("%s: %+v", raw, d)
		}
	}
}

func TestTagsOfDigests(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 8)
	for digest, want := range map[string]string{
		"sha256:" + long[:64]: "sha256-" + long[:64],
		"sha512:" + long:      "sha512-" + long[:64],
	} {
		algorithm, hex, _ := strings.Cut(digest, ":")
		h := v1.Hash{Algorithm: algorithm, Hex: hex}
		if got := manifest.ReferrersTag(h); got != want {
			t.Errorf("%s is %s", digest, got)
		}
		if tags := manifest.CosignTags(h); len(tags) > 0 != (algorithm == "sha256") {
			t.Errorf("%s: cosign has %q", digest, tags)
		}
	}
	h := v1.Hash{Algorithm: "sha256", Hex: long[:64]}
	for _, tag := range append(manifest.CosignTags(h), manifest.ReferrersTag(h)) {
		got, cosign, ok := manifest.SubjectOf(tag)
		if got != h || !ok || cosign != strings.Contains(tag, ".") {
			t.Errorf("%s: %v %v %v", tag, got, cosign, ok)
		}
	}
	for _, tag := range []string{"", "1.0", "latest.sig", "sha256-", "sha256-abc", "sha256-abc.sig", "sha512-" + long[:64], "sha256-" + long[:64] + ".sbom.sig", "sha256-" + long[:63] + "X"} {
		if got, cosign, ok := manifest.SubjectOf(tag); ok || cosign {
			t.Errorf("%s speaks of %v", tag, got)
		}
	}
}
