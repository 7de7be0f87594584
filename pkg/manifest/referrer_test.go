package manifest_test

import (
	"testing"

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
