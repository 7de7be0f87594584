package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
)

const (
	sum    = `sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a`
	config = `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + sum + `","size":2}`
	layer  = `{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"` + sum + `","size":2}`
)

func TestParse(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for _, tt := range []struct{ name, raw, want string }{
		{"image", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":` + config + `,"layers":[` + layer + `]}`, ""},
		{"image without a media type", `{"schemaVersion":2,"config":` + config + `,"layers":[]}`, ""},
		{"index", `{"schemaVersion":2,"manifests":[` + layer + `]}`, ""},
		{"unknown keys", `{"schemaVersion":2,"x":{"Config":1},"config":` + config + `,"layers":[]}`, ""},
		{"annotations are free", `{"schemaVersion":2,"annotations":{"config":"a","CONFIG":"b"},"config":` + config + `,"layers":[]}`, ""},
		{"both", `{"schemaVersion":2,"config":` + config + `,"manifests":[]}`, "both layers and manifests"},
		{"neither", `{"schemaVersion":2}`, "neither"},
		{"lie about the type", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":` + config + `,"layers":[]}`, "does not fit"},
		{"schema 1", `{"schemaVersion":1,"fsLayers":[]}`, "schema 1"},
		{"schema 3", `{"schemaVersion":3,"config":` + config + `,"layers":[]}`, "schemaVersion is 3"},
		{"case", `{"schemaVersion":2,"config":` + config + `,"Layers":[` + layer + `]}`, `not spelled "layers"`},
		{"case below", `{"schemaVersion":2,"config":` + strings.Replace(config, "digest", "Digest", 1) + `}`, `not spelled "digest"`},
		{"twice", `{"schemaVersion":2,"config":` + config + `,"layers":[],"layers":[` + layer + `]}`, "twice"},
		{"trailing", `{"schemaVersion":2,"config":` + config + `,"layers":[]} {}`, "more after"},
		{"cut", `{"schemaVersion":2,"config":`, "unexpected EOF"},
		{"deep", `{"schemaVersion":2,"x":` + deep + `}`, "nested deeper"},
		{"no config", `{"schemaVersion":2,"layers":[]}`, "no config"},
		{"negative", `{"schemaVersion":2,"config":` + strings.Replace(config, ":2", ":-2", 1) + `}`, "negative size"},
		{"digest", `{"schemaVersion":2,"config":` + strings.Replace(config, "sha256", "md5", 1) + `}`, "unsupported hash"},
		{"path as digest", `{"schemaVersion":2,"config":` + strings.Replace(config, "44136", "../..", 1) + `}`, "non-hex"},
		{"no media type", `{"schemaVersion":2,"manifests":[{"digest":"` + sum + `","size":2}]}`, "no media type"},
		{"endless", `{"schemaVersion":2,"config":` + strings.Replace(config, `"size":2`, `"size":9223372036854775807`, 1) + `}`, "more than the"},
		{"many", `{"schemaVersion":2,"x":[` + strings.Repeat("0,", 200_000) + `0]}`, "values in one"},
		{"two sizes", `{"schemaVersion":2,"config":` + config + `,"layers":[` + strings.Replace(layer, `"size":2`, `"size":3`, 1) + `]}`, "with 2 and with 3 bytes"},
		{"array", `[]`, "cannot unmarshal"},
		{"empty", ``, "unexpected EOF"},
		{"large", `{"schemaVersion":2,"x":"` + strings.Repeat("x", manifest.MaxBytes) + `"}`, "more than the"},
	} {
		doc, err := manifest.New([]byte(tt.raw))
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			} else if doc.Descriptor.MediaType == "" || doc.Descriptor.Size != int64(len(tt.raw)) {
				t.Errorf("%s: descriptor %v", tt.name, doc.Descriptor)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestParseHoldsTheDescriptor(t *testing.T) {
	raw := []byte(`{"schemaVersion":2,"config":` + config + `,"layers":[]}`)
	if _, err := manifest.Parse(manifest.Describe(types.DockerManifestList, raw), raw); err == nil {
		t.Error("an image passes for a list")
	}
	if _, err := manifest.New([]byte(`{"schemaVersion":1}`)); !errors.Is(err, manifest.ErrSchema1) {
		t.Errorf("schema 1: %v", err)
	}
}

func TestTooManyChildren(t *testing.T) {
	raw := `{"schemaVersion":2,"manifests":[` + strings.Repeat(layer+",", manifest.MaxChildren) + layer + `]}`
	if _, err := manifest.New([]byte(raw)); err == nil || !strings.Contains(err.Error(), "more than the") {
		t.Errorf("got %v", err)
	}
}

func TestParseConfig(t *testing.T) {
	c, err := manifest.ParseConfig([]byte(`{"architecture":"arm64","os":"linux","config":{"Labels":{"env":"a","Env":"b"}},"rootfs":{"type":"layers","diff_ids":["` + sum + `"]}}`))
	if err != nil || c.Architecture != "arm64" || len(c.RootFS.DiffIDs) != 1 {
		t.Errorf("%v, %v", c, err)
	}
	for _, raw := range []string{`{"Architecture":"arm64"}`, `{"rootfs":{"diff_ids":["sha256:1"]}}`, `null null`} {
		if _, err := manifest.ParseConfig([]byte(raw)); err == nil {
			t.Errorf("%s: no error", raw)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":` + config + `,"layers":[` + layer + `]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[` + layer + `]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := manifest.New(raw)
		if err != nil {
			return
		}
		if (doc.Index == nil) == (doc.Image == nil) {
			t.Fatal("not exactly one of index and image")
		}
		for _, d := range doc.Children() {
			if _, err := v1.NewHash(d.Digest.String()); err != nil || d.Size < 0 {
				t.Fatalf("descriptor %v let through", d)
			}
		}
	})
}

func ExampleNew() {
	doc, err := manifest.New([]byte(`{"schemaVersion":2,"manifests":[]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Descriptor.MediaType)
	// Output: application/vnd.oci.image.index.v1+json
}
