package inspect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

func TestLookAtImage(t *testing.T) {
	m := newMaker(t)
	root := m.image(config(amd64, 2), "one", "three")
	r, err := inspect.Look(t.Context(), m, root, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Images) != 1 || r.Digest != root.Digest || r.Size != root.Size || r.Annotations["in"] != "manifest" {
		t.Fatalf("%+v", r)
	}
	img := r.Images[0]
	if want := root.Size + img.ConfigDescriptor.Size + 3 + 5; img.TotalSize != want || r.TotalSize != want {
		t.Errorf("total sizes %d and %d, want %d", img.TotalSize, r.TotalSize, want)
	}
	if img.Platform != "linux/amd64" || !img.Created.Equal(noon) || img.Config.Env[0] != "A=b" || img.Author != "us" {
		t.Errorf("%+v", img)
	}
	if len(img.Layers) != 2 || img.Layers[1].Size != 5 || img.Layers[1].DiffID != manifest.Describe("", []byte{1}).Digest {
		t.Errorf("layers %+v", img.Layers)
	}
}

// What an image has twice counts once, and a size that is a lie does no harm.
func TestTotalSize(t *testing.T) {
	m := newMaker(t)
	twice := m.image(config(amd64, 2), "same", "same")
	r, err := inspect.Look(t.Context(), m, twice, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := twice.Size + r.Images[0].ConfigDescriptor.Size + 4; r.TotalSize != want {
		t.Errorf("%d, want %d", r.TotalSize, want)
	}
	huge := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: m.put(types.OCIConfigJSON, config(amd64, 1)),
		Layers: []v1.Descriptor{{MediaType: types.OCILayer, Digest: twice.Digest, Size: 1<<63 - 1}},
	}
	if r, err = inspect.Look(t.Context(), m, m.put(huge.MediaType, huge), inspect.Options{}); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestLookAtIndex(t *testing.T) {
	m := newMaker(t)
	root, amd, arm := two(m)
	gone := on(v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: manifest.Describe("", []byte("gone")).Digest, Size: 4}, s390x)
	sparse := m.index("sparse", amd, arm, gone)

	r, err := inspect.Look(t.Context(), m, root, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Images) != 2 || r.Images[0].Digest != amd.Digest || r.Images[1].Platform != "linux/arm64" {
		t.Fatalf("%+v", r.Images)
	}
	if n := len(r.Images[0].Attestations); n != 1 || len(r.Images[1].Attestations) != 0 {
		t.Errorf("%d attestations of amd64", n)
	}
	if want := root.Size + r.Images[0].TotalSize + r.Images[1].TotalSize - int64(len("shared")); r.TotalSize != want {
		t.Errorf("total %d, want %d: the shared layer once", r.TotalSize, want)
	}

	r, err = inspect.Look(t.Context(), m, sparse, inspect.Options{})
	if err != nil || len(r.Images) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if img := r.Images[2]; !img.Missing || img.Platform != "linux/s390x" || img.Config != nil || r.Images[0].Missing {
		t.Errorf("missing platform: %+v", img)
	}
}

func TestLookAtPlatforms(t *testing.T) {
	m := newMaker(t)
	root, amd, arm := two(m)
	for _, tt := range []struct {
		platforms string
		digest    v1.Hash
		images    int
	}{
		{"all", root.Digest, 2},
		{"linux/arm64", arm.Digest, 1},
		{"local", amd.Digest, 1},
		{"linux/amd64,linux/arm64", root.Digest, 2},
	} {
		r, err := inspect.Look(t.Context(), m, root, want(t, tt.platforms))
		if err != nil || r.Digest != tt.digest || len(r.Images) != tt.images {
			t.Errorf("%s: %+v, %v", tt.platforms, r, err)
		}
	}
	for name, d := range map[string]v1.Descriptor{"index": root, "image": amd} {
		_, err := inspect.Look(t.Context(), m, d, want(t, "linux/riscv64"))
		if missing := new(arch.MissingError); !errors.As(err, &missing) || !strings.Contains(err.Error(), "linux/amd64") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLookAtArtifact(t *testing.T) {
	m := newMaker(t)
	doc := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: "application/x.chart",
		Config: m.put("application/vnd.oci.empty.v1+json", []byte("{}")),
		Layers: []v1.Descriptor{m.put("application/x.chart.content", []byte("chart"))},
	}
	root := m.put(doc.MediaType, doc)
	r, err := inspect.Look(t.Context(), m, root, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	img := r.Images[0]
	if r.ArtifactType != doc.ArtifactType || img.Platform != "" || img.Config != nil || !img.Created.IsZero() || len(img.Layers) != 1 {
		t.Errorf("%+v", r)
	}
	// An index may list it beside images.
	r, err = inspect.Look(t.Context(), m, m.index("mixed", on(m.image(config(amd64, 0)), amd64), root), inspect.Options{})
	if err != nil || len(r.Images) != 2 || r.Images[1].Platform != "" || r.Images[1].Missing {
		t.Errorf("%+v, %v", r, err)
	}
}

// The names in the JSON form are what scripts rely on.
func TestReportJSON(t *testing.T) {
	m := newMaker(t)
	_, amd, _ := two(m)
	r, err := inspect.Look(t.Context(), m, amd, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	platform := got["platforms"].([]any)[0].(map[string]any)
	layer := platform["layers"].([]any)[0].(map[string]any)
	config := platform["configDescriptor"].(map[string]any)
	for name, v := range map[string]map[string]any{
		"annotations digest mediaType platforms size totalSize":                                              got,
		"annotations author config configDescriptor created digest layers mediaType platform size totalSize": platform,
		"diffId digest mediaType size":                                                                       layer,
		"digest mediaType size":                                                                              config,
	} {
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		if d := cmp.Diff(strings.Fields(name), keys, cmp.Transformer("sorted", sorted)); d != "" {
			t.Error(d)
		}
	}
	if platform["config"].(map[string]any)["Entrypoint"].([]any)[0] != "/hello" {
		t.Errorf("%s", raw)
	}
	none, err := json.Marshal(inspect.Image{Missing: true})
	if err != nil || strings.Contains(string(none), "config") || strings.Contains(string(none), "created") {
		t.Errorf("%s, %v", none, err)
	}
}

// No number of platforms makes a report larger than memory.
func TestLookIsBounded(t *testing.T) {
	m := newMaker(t)
	var entries []v1.Descriptor
	for i := range 5 {
		padded := append([]byte("{}"), bytes.Repeat([]byte(" "), manifest.MaxConfigBytes-8-i)...)
		doc := v1.Manifest{
			SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
			Config: m.put(types.OCIConfigJSON, padded), Layers: []v1.Descriptor{},
		}
		entries = append(entries, on(m.put(doc.MediaType, doc), amd64))
	}
	if _, err := inspect.Look(t.Context(), m, m.index("wide", entries...), inspect.Options{}); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("40 MiB of configs: %v", err)
	}
}

func TestLookFails(t *testing.T) {
	m := newMaker(t)
	img := m.image(config(amd64, 0))
	nowhere := manifest.Describe(types.OCIManifestSchema1, []byte("nowhere"))
	if _, err := inspect.Look(t.Context(), m, nowhere, inspect.Options{}); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("a root that is not there: %v", err)
	}
	lied := on(img, amd64)
	lied.Size++
	if _, err := inspect.Look(t.Context(), m, m.index("lied", lied), inspect.Options{}); err == nil || errors.Is(err, place.ErrNotFound) {
		t.Errorf("a child of another size: %v", err)
	}
}
