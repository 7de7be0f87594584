package verify_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// What is wrong between manifest, config and layers.
func TestStructure(t *testing.T) {
	zero := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	for name, tt := range map[string]struct {
		change   func(*spec)
		verdict  verify.Verdict
		kind     verify.Kind
		severity verify.Severity
		text     string
	}{
		"diffID": {
			func(sp *spec) { sp.changeConfig = func(c *v1.ConfigFile) { c.RootFS.DiffIDs[0] = zero } },
			verify.Corrupt, verify.KindDiffID, verify.Error, "the config names " + zero.String(),
		},
		"fewer diffIDs": {
			func(sp *spec) { sp.changeConfig = func(c *v1.ConfigFile) { c.RootFS.DiffIDs = nil; c.History = nil } },
			verify.Corrupt, verify.KindLayerCount, verify.Error, "names 1 layers, the config 0",
		},
		"history": {
			func(sp *spec) {
				sp.changeConfig = func(c *v1.ConfigFile) { c.History = append(c.History, c.History...) }
			},
			verify.OK, verify.KindHistory, verify.Warning, "tells of 2 layers",
		},
		"size of the config": {
			func(sp *spec) { sp.changeManifest = func(m *v1.Manifest) { m.Config.Size++ } },
			verify.Corrupt, verify.KindSize, verify.Error, "its descriptor says",
		},
		"compression": {
			func(sp *spec) {
				sp.changeManifest = func(m *v1.Manifest) { m.Layers[0].MediaType = types.OCILayerZStd }
			},
			verify.OK, verify.KindMediaType, verify.Warning, "is gzip, its type",
		},
		"types of Docker and OCI": {
			func(sp *spec) { sp.changeManifest = func(m *v1.Manifest) { m.Layers[0].MediaType = types.DockerLayer } },
			verify.OK, verify.KindMediaType, verify.Warning, "names content of type",
		},
		"layer that is a config": {
			func(sp *spec) {
				sp.changeManifest = func(m *v1.Manifest) { m.Layers[0].MediaType = types.OCIConfigJSON }
			},
			verify.Corrupt, verify.KindMediaType, verify.Error, "none of a layer",
		},
		"config without platform": {
			func(sp *spec) { sp.changeConfig = func(c *v1.ConfigFile) { c.OS, c.Architecture = "", "" } },
			verify.Label, verify.KindLabel, verify.Error, "the config names no platform",
		},
		"zstd in Docker's types": {
			func(sp *spec) {
				sp.kind = compress.Zstd
				sp.changeManifest = func(m *v1.Manifest) {
					m.MediaType, m.Config.MediaType, m.Layers[0].MediaType = types.DockerManifestSchema2, types.DockerConfigJSON, "application/x"
				}
			},
			verify.OK, verify.KindMediaType, verify.Warning, "knows no such layers",
		},
		"names that climb": {
			func(sp *spec) { sp.layers[0] = append(sp.layers[0], script("../../etc/passwd", "")) },
			verify.OK, verify.KindInvalid, verify.Warning, "no engine unpacks",
		},
	} {
		sp := app("linux/amd64", "linux/amd64", "amd64")
		tt.change(&sp)
		s := newStore(t)
		r := s.run(s.images(sp), verify.Options{})
		if mustFind(t, r, tt.kind, tt.severity, tt.text); r.Platforms[0].Verdict != tt.verdict {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

// A layer that cannot be read as one, though it matches its digest.
func TestUnreadableLayers(t *testing.T) {
	plain := pack(t, []file{program("app", elfFor("amd64"))})
	for name, raw := range map[string][]byte{
		"no tar":       []byte(strings.Repeat("no tar at all ", 100)),
		"cut gzip":     press(t, compress.Gzip, plain)[:60],
		"cut tar":      press(t, compress.Gzip, plain[:520]),
		"gzip of text": press(t, compress.Gzip, []byte(strings.Repeat("text", 500))),
	} {
		s := newStore(t)
		d := s.put(types.OCILayer, raw)
		sp := app("", "linux/amd64", "amd64")
		sp.changeManifest = func(m *v1.Manifest) { m.Layers[0] = d }
		r := s.run(s.images(sp), verify.Options{})
		f := mustFind(t, r, verify.KindInvalid, verify.Error)
		if verdicts(r) != "CORRUPT" || f.Layer != d.Digest.String() {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

// All faults are listed, not the first.
func TestAllFaults(t *testing.T) {
	a, b := app("linux/arm64", "linux/amd64", "s390x"), app("linux/arm/v9", "linux/arm/v7", "arm")
	a.changeConfig = func(c *v1.ConfigFile) {
		c.History = append(c.History, c.History...)
		c.RootFS.DiffIDs[0].Hex = strings.Repeat("1", 64)
	}
	s := newStore(t)
	r := s.run(s.images(a, b), verify.Options{})
	for _, k := range []verify.Kind{verify.KindLabel, verify.KindMachine, verify.KindHistory, verify.KindDiffID, verify.KindName} {
		if len(findings(r, k)) == 0 {
			t.Errorf("nothing of %s: %s", k, dump(r))
		}
	}
	if verdicts(r) != "CORRUPT LABEL" {
		t.Error(verdicts(r))
	}
}

// Labels are compared under normalisation, and what one side leaves out is no matter.
func TestLabels(t *testing.T) {
	for _, tt := range []struct {
		index, config string
		severity      verify.Severity
	}{
		{"linux/arm64", "linux/arm64/v8", ""},
		{"linux/arm64/v8", "linux/arm64", ""},
		{"linux/arm/v7", "linux/arm", ""}, // the same, says arch.Parse
		{"linux/amd64/v3", "linux/amd64", verify.Note},
		{"linux/arm/v6", "linux/arm/v7", verify.Error},
		{"linux/amd64", "linux/386", verify.Error},
		{"windows/amd64:10.0.17763.1", "windows/amd64:10.0.17763.1", ""},
		{"windows/amd64:10.0.17763.1", "windows/amd64", ""},
		{"windows/amd64:10.0.17763.1", "windows/amd64:10.0.20348.1", verify.Error},
	} {
		s := newStore(t)
		r := s.run(s.images(spec{index: tt.index, config: tt.config}), verify.Options{})
		fs := findings(r, verify.KindLabel)
		if tt.severity == "" && len(fs) > 0 || tt.severity != "" && (len(fs) != 1 || fs[0].Severity != tt.severity) {
			t.Errorf("%s, %s: %s", tt.index, tt.config, dump(r))
		}
	}
	for _, p := range []v1.Platform{{OS: "linux", Architecture: "x86_64"}, {OS: "Linux", Architecture: "amd64"}, {}} {
		s := newStore(t)
		d := s.image(app("", "linux/amd64", "amd64"))
		d.Platform = &p
		r := s.run(s.index(d), verify.Options{})
		mustFind(t, r, verify.KindName, verify.Warning)
		if verdicts(r) != "OK" {
			t.Error(dump(r))
		}
	}
}

// Entries of an index that do not go together.
func TestSiblings(t *testing.T) {
	s := newStore(t)
	amd := s.image(app("", "linux/amd64", "amd64"))
	asArm := amd
	asArm.Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
	r := s.run(s.index(amd, asArm), verify.Options{})
	mustFind(t, r, verify.KindDuplicate, verify.Error, "the same image as linux/amd64")
	if verdicts(r) != "OK LABEL" {
		t.Error(dump(r))
	}
	mustFind(t, s.run(s.index(amd, amd), verify.Options{}), verify.KindDuplicate, verify.Warning)

	other := app("", "linux/amd64", "amd64")
	other.start.Cmd = []string{"other"}
	r = s.run(s.index(amd, s.image(other)), verify.Options{})
	mustFind(t, r, verify.KindDuplicate, verify.Warning, "linux/amd64 is listed twice")
	mustFind(t, r, verify.KindDiffers, verify.Note, `it starts ["/app" "other"], linux/amd64 starts ["/app"]`)

	config := s.manifestOf(amd).Config
	shared := app("linux/arm64", "linux/arm64", "arm64")
	shared.changeManifest = func(m *v1.Manifest) { m.Config = config }
	r = s.run(s.index(amd, s.image(shared)), verify.Options{})
	mustFind(t, r, verify.KindDuplicate, verify.Warning, "it has the config of linux/amd64")
}

// The same layers under two architectures: in fast all there is to know, else judged.
func TestSameLayers(t *testing.T) {
	s := newStore(t)
	a, b := app("", "linux/amd64", "amd64"), app("", "linux/arm64", "amd64")
	a.start.Env, b.start.Env = []string{"A=1", "B=2"}, []string{"A=2", "B=2"}
	a.start.Labels = map[string]string{"x": "y"}
	root := s.images(a, b)
	r := s.run(root, verify.Options{Fast: true})
	if len(findings(r, verify.KindSameLayers)) != 2 || verdicts(r) != "CONTENT CONTENT" || r.Layers.Read != 0 || r.Layers.Total != 1 {
		t.Error(dump(r))
	}
	if fs := findings(r, verify.KindDiffers); len(fs) != 2 || !strings.HasSuffix(fs[0].Text, ": A") || !strings.HasSuffix(fs[1].Text, ": x") {
		t.Error(dump(r))
	}
	r = s.run(root, verify.Options{})
	if mustFind(t, r, verify.KindSameLayers, verify.Note); verdicts(r) != "OK CONTENT" {
		t.Error(dump(r))
	}
	data := spec{config: "linux/amd64", layers: [][]file{{script("data", "text")}}}
	other := data
	other.config = "linux/arm64"
	if r := s.run(s.images(data, other), verify.Options{}); verdicts(r) != "NOCODE NOCODE" || !r.OK {
		t.Error(dump(r))
	}
}

func TestOutlier(t *testing.T) {
	s := newStore(t)
	small := spec{changeManifest: func(m *v1.Manifest) {
		m.Layers = []v1.Descriptor{{MediaType: types.OCILayer, Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}, Size: 1 << 20}}
	}}
	large := spec{config: "linux/s390x", changeManifest: func(m *v1.Manifest) {
		small.changeManifest(m)
		m.Layers[0].Size, m.Layers[0].Digest.Hex = 90<<20, strings.Repeat("b", 64)
	}}
	a, b := small, small
	a.config, b.config = "linux/amd64", "linux/arm64"
	r := s.run(s.images(a, large, b), verify.Options{Fast: true})
	if f := mustFind(t, r, verify.KindOutlier, verify.Note); f.Found != "94371840" || len(r.Platforms[1].Findings) < 1 {
		t.Error(dump(r))
	}
}

func TestRequire(t *testing.T) {
	platforms := func(list ...string) (ps []arch.Platform) {
		for _, l := range list {
			p, err := arch.Parse(l)
			if err != nil {
				t.Fatal(err)
			}
			ps = append(ps, p)
		}
		return ps
	}
	s := newStore(t)
	single := s.image(app("", "linux/amd64", "amd64"))
	root := s.index(single, s.image(app("", "linux/arm64", "arm64")))
	for name, tt := range map[string]struct {
		root     v1.Descriptor
		o        verify.Options
		verdicts string
		kinds    []verify.Kind
	}{
		"there":      {root, verify.Options{Require: platforms("linux/arm64/v8", "amd64")}, "OK OK", nil},
		"not there":  {root, verify.Options{Require: platforms("linux/s390x", "amd64")}, "OK OK MISSING", []verify.Kind{verify.KindRequired}},
		"a variant":  {root, verify.Options{Require: platforms("linux/amd64/v2")}, "OK OK MISSING", []verify.Kind{verify.KindRequired}},
		"exactly":    {root, verify.Options{Require: platforms("amd64", "arm64"), Exactly: true}, "OK OK", nil},
		"unexpected": {root, verify.Options{Require: platforms("amd64"), Exactly: true}, "OK OK", []verify.Kind{verify.KindUnexpected}},
		"one image":  {single, verify.Options{Require: platforms("amd64", "arm64")}, "OK MISSING", []verify.Kind{verify.KindRequired, verify.KindNoIndex}},
	} {
		for _, fast := range []bool{true, false} {
			tt.o.Fast = fast
			r := s.run(tt.root, tt.o)
			if verdicts(r) != tt.verdicts || r.OK != (tt.kinds == nil) {
				t.Errorf("%s: %s", name, dump(r))
			}
			for _, k := range tt.kinds {
				mustFind(t, r, k, verify.Error)
			}
		}
	}
}

// Attestations are no platforms, but they have to be there.
func TestAttestations(t *testing.T) {
	s := newStore(t)
	amd := s.image(app("", "linux/amd64", "amd64"))
	statement := s.put("application/vnd.in-toto+json", []byte("{}"))
	attestation := s.putJSON(types.OCIManifestSchema1, v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: s.put(types.OCIConfigJSON, []byte("{}")), Layers: []v1.Descriptor{statement}})
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{"vnd.docker.reference.digest": amd.Digest.String()}
	root := s.index(amd, attestation)
	if r := s.run(root, verify.Options{}); verdicts(r) != "OK" || len(r.Findings) > 0 || r.Layers.Total != 1 {
		t.Error(dump(r))
	}
	for _, d := range []v1.Descriptor{attestation, statement} {
		s.gone = map[v1.Hash]error{d.Digest: place.ErrNotFound}
		if r := s.run(root, verify.Options{}); verdicts(r) != "OK" || r.OK || len(r.Findings) != 1 || r.Findings[0].Kind != verify.KindMissing {
			t.Error(dump(r))
		}
	}
}

func TestNestedIndexes(t *testing.T) {
	s := newStore(t)
	amd, arm := s.image(app("none", "linux/amd64", "amd64")), s.image(app("", "linux/arm64", "amd64"))
	inner := s.index(arm)
	root := s.index(amd, inner)
	if r := s.run(root, verify.Options{}); verdicts(r) != "OK CONTENT" {
		t.Error(dump(r))
	}
	s.gone[inner.Digest] = place.ErrNotFound
	if r := s.run(root, verify.Options{}); verdicts(r) != "OK" || r.OK || len(r.Findings) != 1 {
		t.Error(dump(r))
	}
	deep := inner
	for range manifest.MaxNesting + 1 {
		deep = s.index(deep)
	}
	s.gone = nil
	mustFind(t, s.run(deep, verify.Options{}), verify.KindInvalid, verify.Error, "nested deeper")
}

// The root itself, and what an index says of a child.
func TestRoot(t *testing.T) {
	s := newStore(t)
	d := s.image(app("", "linux/amd64", "amd64"))
	if r := s.run(d, verify.Options{}); verdicts(r) != "OK" || r.Digest != d.Digest.String() || r.Platforms[0].Index != "" {
		t.Error(dump(r))
	}
	wrongType, wrongSize := d, d
	wrongType.MediaType, wrongSize.Size = types.DockerManifestSchema2, d.Size+1
	mustFind(t, s.run(s.index(wrongType), verify.Options{}), verify.KindMediaType, verify.Error, "its descriptor says")
	mustFind(t, s.run(s.index(wrongSize), verify.Options{}), verify.KindSize, verify.Error, "its descriptor says")
	s.gone[d.Digest] = place.ErrNotFound
	r := s.run(d, verify.Options{})
	if r.OK || len(r.Platforms) != 0 {
		t.Error(dump(r))
	}
	mustFind(t, r, verify.KindMissing, verify.Error)
	artifact := s.putJSON(types.OCIManifestSchema1, v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: s.put("application/x", []byte("x"))})
	if r := s.run(artifact, verify.Options{}); !r.OK || len(r.Platforms) != 0 {
		t.Error(dump(r))
	}
}

// Foreign layers need not be there.
func TestForeignLayer(t *testing.T) {
	s := newStore(t)
	sp := app("", "windows/amd64", "amd64")
	sp.start = v1.Config{}
	sp.changeManifest = func(m *v1.Manifest) {
		m.Layers[0].MediaType, m.Layers[0].URLs = types.DockerForeignLayer, []string{"https://example.com/x"}
	}
	d := s.image(sp)
	s.gone[s.manifestOf(d).Layers[0].Digest] = place.ErrNotFound
	for _, skim := range []bool{false, true} {
		r := s.run(d, verify.Options{Skim: skim})
		if mustFind(t, r, verify.KindMissing, verify.Note, "need not be"); !r.OK {
			t.Error(dump(r))
		}
	}
}
