package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

var (
	amd64   = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64v8 = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	arm64   = v1.Platform{OS: "linux", Architecture: "arm64"}
	armv6   = v1.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}
	windows = v1.Platform{OS: "windows", Architecture: "amd64"}
	nowhere = v1.Platform{OS: "unknown", Architecture: "unknown"}
)

// spec returns an image for p with a layer of its own.
func spec(p v1.Platform) placetest.ImageSpec {
	return placetest.ImageSpec{Platform: p, Seed: uint64(len(p.OS))*10 + uint64(len(p.Architecture+p.Variant))}
}

func index(t testing.TB, platforms ...v1.Platform) placetest.Content {
	t.Helper()
	specs := make([]placetest.ImageSpec, 0, len(platforms))
	for _, p := range platforms {
		specs = append(specs, spec(p))
	}
	return placetest.Index(t, specs...)
}

// changed returns img with its manifest edited.
func changed(t testing.TB, img placetest.Content, edit func(*v1.Manifest)) placetest.Content {
	t.Helper()
	var m v1.Manifest
	if err := json.Unmarshal(img.Bytes[img.Root.Digest], &m); err != nil {
		t.Fatal(err)
	}
	edit(&m)
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	c := placetest.Content{Root: manifest.Describe(m.MediaType, raw), Bytes: map[v1.Hash][]byte{}}
	for _, d := range append(m.Layers, m.Config) {
		if b, ok := img.Bytes[d.Digest]; ok {
			c.Order, c.Bytes[d.Digest] = append(c.Order, d), b
		}
	}
	c.Order, c.Bytes[c.Root.Digest] = append(c.Order, c.Root), raw
	return c
}

// entry is what manifest.json says of an image: the platform of its config, its
// names, and how many layers it has.
type entry struct {
	Platform string
	Names    []string
	Layers   int
}

// written returns what stands in the manifest.json of an archive, and the warnings.
func written(t testing.TB, o archive.Options, p place.Plan, content map[v1.Hash][]byte) (entries []entry, warnings []string, err error) {
	t.Helper()
	o.Events = func(e event.Event) {
		if e.Kind == event.Warn {
			warnings = append(warnings, e.Text)
		}
	}
	var buf bytes.Buffer
	if err := carry(t.Context(), stream(t, &buf, o), 0, p, content); err != nil {
		return nil, warnings, err
	}
	files := unpack(t, buf.Bytes())
	if files["manifest.json"] == nil {
		return nil, warnings, nil
	}
	var docs []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(files["manifest.json"], &docs); err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		var c v1.ConfigFile
		if err := json.Unmarshal(files[d.Config], &c); err != nil {
			t.Fatalf("config %s: %v", d.Config, err)
		}
		for _, l := range d.Layers {
			if files[l] == nil {
				t.Errorf("layer %s is not in the archive", l)
			}
		}
		entries = append(entries, entry{c.Platform().String(), d.RepoTags, len(d.Layers)})
	}
	return entries, warnings, nil
}

func TestManifestJSON(t *testing.T) {
	app := placetest.Image(t, placetest.ImageSpec{Layers: []int{1, 2}})
	twice := changed(t, app, func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) })
	artifact := changed(t, app, func(m *v1.Manifest) { m.Config.MediaType = "application/vnd.example.config" })
	attested := placetest.Index(t, spec(arm64v8), spec(nowhere))
	nested := placetest.Content{Bytes: map[v1.Hash][]byte{}}
	inner := index(t, arm64v8, amd64)
	raw := encode(t, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{inner.Root}})
	nested.Root = manifest.Describe(types.OCIImageIndex, raw)
	nested.Order, nested.Bytes = append(inner.Order, nested.Root), inner.Bytes
	nested.Bytes[nested.Root.Digest] = raw

	for _, tt := range []struct {
		name     string
		images   []named
		platform *v1.Platform
		want     []entry
		warnings int
	}{
		{"image", []named{{app, []string{name}}}, nil, []entry{{"linux/amd64", []string{name}, 2}}, 0},
		{"docker hub", []named{{app, []string{"docker.io/library/app:1"}}}, nil, []entry{{"linux/amd64", []string{"docker.io/library/app:1"}, 2}}, 0},
		{"no name", []named{{app, nil}}, nil, []entry{{"linux/amd64", nil, 2}}, 0},
		{"a tag is no name", []named{{app, []string{"1.0"}}}, nil, []entry{{"linux/amd64", nil, 2}}, 1},
		{"two names", []named{{app, []string{name, "a.example/b:2"}}}, nil, []entry{{"linux/amd64", []string{"a.example/b:2", name}, 2}}, 0},
		{"one layer twice", []named{{twice, []string{name}}}, nil, []entry{{"linux/amd64", []string{name}, 3}}, 0},
		{"artifact", []named{{artifact, []string{name}}}, nil, nil, 0},
		{"amd64 by default", []named{{index(t, windows, arm64v8, amd64), []string{name}}}, nil, []entry{{"linux/amd64", []string{name}, 1}}, 0},
		{"else linux", []named{{index(t, windows, arm64v8), []string{name}}}, nil, []entry{{"linux/arm64/v8", []string{name}, 1}}, 0},
		{"else the first", []named{{index(t, windows), []string{name}}}, nil, []entry{{"windows/amd64", []string{name}, 1}}, 0},
		{"wished", []named{{index(t, amd64, armv6, arm64v8), []string{name}}}, &armv6, []entry{{"linux/arm/v6", []string{name}, 1}}, 0},
		{"v8 goes without saying", []named{{index(t, amd64, arm64v8), []string{name}}}, &arm64, []entry{{"linux/arm64/v8", []string{name}, 1}}, 0},
		{"wished in vain", []named{{index(t, amd64, armv6), []string{name}}}, &arm64, []entry{{"linux/amd64", []string{name}, 1}}, 1},
		{"attestation", []named{{attested, []string{name}}}, nil, []entry{{"linux/arm64/v8", []string{name}, 1}}, 0},
		{"nested", []named{{nested, []string{name}}}, nil, []entry{{"linux/amd64", []string{name}, 1}}, 0},
		{
			"index and its child",
			[]named{{index(t, arm64v8), []string{name}}, {placetest.Image(t, spec(arm64v8)), []string{"a.example/b:2"}}},
			nil,
			[]entry{{"linux/arm64/v8", []string{"a.example/b:2", name}, 1}},
			0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, content := plan(0, tt.images...)
			p.Platform = tt.platform
			got, warnings, err := written(t, archive.Options{}, p, content)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if len(warnings) != tt.warnings {
				t.Errorf("warnings: %q", warnings)
			}
		})
	}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What an old engine cannot take is said when there is still nothing written.
func TestWarnings(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{Layers: []int{1, 2}})
	layers := func(mt types.MediaType) placetest.Content {
		return changed(t, img, func(m *v1.Manifest) { m.Layers[0].MediaType = mt })
	}
	foreign := changed(t, img, func(m *v1.Manifest) {
		d := placetest.Image(t, placetest.ImageSpec{Seed: 8}).Root
		m.Layers[0] = v1.Descriptor{MediaType: types.OCIRestrictedLayer, Digest: d.Digest, Size: d.Size, URLs: []string{"https://example.com/layer"}}
	})
	for _, tt := range []struct {
		name    string
		form    archive.Form
		c       placetest.Content
		want    string
		entries int
	}{
		{"gzip", archive.Hybrid, layers(types.OCILayer), "", 1},
		{"zstd", archive.Hybrid, layers(types.OCILayerZStd), "1 layer is compressed with zstd", 1},
		{"zstd", archive.Docker, layers(types.OCILayerZStd), "1 layer is compressed with zstd", 1},
		{"zstd", archive.OCI, layers(types.OCILayerZStd), "", 0},
		{"encrypted", archive.OCI, layers("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), "1 layer is encrypted", 0},
		{"foreign", archive.Hybrid, foreign, "1 layer is not in the archive", 0},
		{"foreign", archive.OCI, foreign, "", 0},
	} {
		t.Run(tt.name+" "+string(tt.form), func(t *testing.T) {
			p, content := plan(0, named{tt.c, []string{name}})
			entries, warnings, err := written(t, archive.Options{As: tt.form}, p, content)
			if err != nil || len(entries) != tt.entries {
				t.Errorf("%d entries, %v", len(entries), err)
			}
			if got := strings.Join(warnings, "\n"); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("warnings: %q", got)
			}
		})
	}
	p, content := plan(0, named{foreign, []string{name}})
	if _, _, err := written(t, archive.Options{As: archive.Docker}, p, content); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("docker form of half an image: %v", err)
	}
}

func TestDockerFormRefuses(t *testing.T) {
	app := placetest.Image(t, placetest.ImageSpec{})
	artifact := changed(t, app, func(m *v1.Manifest) { m.Config.MediaType = "application/vnd.example.config" })
	for what, tt := range map[string]struct {
		img  named
		want error
	}{
		"index":    {named{index(t, amd64), []string{name}}, place.ErrUnsupported},
		"artifact": {named{artifact, []string{name}}, place.ErrUnsupported},
		"bad name": {named{app, []string{"Not/A/Name"}}, place.ErrInvalid},
	} {
		p, content := plan(0, tt.img)
		if _, _, err := written(t, archive.Options{As: archive.Docker}, p, content); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	p, content := plan(0, named{app, []string{"app:1"}})
	entries, _, err := written(t, archive.Options{As: archive.Docker}, p, content)
	if want := []entry{{"linux/amd64", []string{"docker.io/library/app:1"}, 1}}; err != nil || !cmp.Equal(entries, want) {
		t.Errorf("%v, %v, want %v", entries, err, want)
	}
}

// Docker's form of an image comes back with a manifest of its own, the same every
// time. Where index.json has the manifests, Docker's form has them too.
func TestDockerFormKeepsDigests(t *testing.T) {
	img := named{placetest.Image(t, placetest.ImageSpec{Docker: true, Layers: []int{5, 6}}), []string{name}}
	for form, keeps := range map[archive.Form]bool{archive.Hybrid: true, archive.Docker: false} {
		path := filepath.Join(t.TempDir(), "images.tar")
		if err := write(t.Context(), create(t, path, archive.Options{As: form}), 0, img); err != nil {
			t.Fatal(err)
		}
		notes := 0
		a := open(t, path, archive.ReadOptions{As: archive.Docker, Events: func(e event.Event) {
			if e.Kind == event.Note {
				notes++
			}
		}})
		root, err := a.Resolve(t.Context(), "")
		if err != nil || (root.Digest == img.Root.Digest) != keeps || (notes == 0) != keeps {
			t.Errorf("%s: %v, %v, %d notes", form, root.Digest, err, notes)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A name that cannot be one is told, and the image stands under its other names,
// however often it is said.
func TestNamesLeftOut(t *testing.T) {
	config, l := partsOf(placetest.Image(t, placetest.ImageSpec{}))
	many := make([]string, 1000)
	for i := range many {
		many[i] = strings.Repeat("x", 200) + "A" + strings.Repeat("y", i)
	}
	tags := []string{"app", "Not/A/Name", "app@sha256:" + strings.Repeat("0", 64), name, "Not/A/Name", "app:latest", name}
	for _, tt := range []struct{ tags, listed, lost []string }{
		{tags, []string{"docker.io/library/app:latest", name}, tags[1:3]},
		{append(many, "app"), []string{"docker.io/library/app:latest"}, append(slices.Clone(many[:20]), "")},
	} {
		entries := []saved{{Config: "c", RepoTags: tt.tags, Layers: []string{"0"}}}
		raw := build(t).file("c", config).file("0", l[0]).json("manifest.json", entries).bytes()
		var lost, listed []string
		a, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir(), Events: func(e event.Event) {
			if e.Kind == event.Lost {
				lost = append(lost, e.Name)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		err = a.List(t.Context(), func(e place.Entry) error { listed = append(listed, e.Name); return nil })
		if err != nil || !cmp.Equal(listed, tt.listed) {
			t.Errorf("List: %q, %v, want %q", listed, err, tt.listed)
		}
		if diff := cmp.Diff(tt.lost, lost); diff != "" {
			t.Error(diff)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What only one half of an archive can name is a warning; what none can is lost.
func TestNamesNotWritten(t *testing.T) {
	pinned := "example.com/app@sha256:" + strings.Repeat("0", 64)
	for _, tt := range []struct {
		form   archive.Form
		names  []string
		events []event.Event
	}{
		{archive.Hybrid, []string{name, pinned}, []event.Event{{Kind: event.Warn, Name: pinned}}},
		{archive.Hybrid, []string{"3.20"}, []event.Event{{Kind: event.Warn, Name: "3.20"}}},
		{archive.Hybrid, []string{name}, nil},
		{archive.Hybrid, nil, nil},
		{archive.OCI, []string{pinned, "3.20"}, nil},
		{archive.Docker, []string{name, pinned}, []event.Event{{Kind: event.Lost, Name: pinned}}},
		{archive.Docker, []string{name}, nil},
	} {
		var got []event.Event
		o := archive.Options{As: tt.form, Events: func(e event.Event) {
			if e.Kind == event.Warn || e.Kind == event.Lost {
				got = append(got, event.Event{Kind: e.Kind, Name: e.Name})
			}
		}}
		var buf bytes.Buffer
		if err := write(t.Context(), stream(t, &buf, o), 0, named{placetest.Image(t, placetest.ImageSpec{}), tt.names}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.events, got); diff != "" {
			t.Errorf("%s %q: %s", tt.form, tt.names, diff)
		}
	}
}
