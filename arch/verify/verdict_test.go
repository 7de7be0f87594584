package verify_test

import (
	"debug/elf"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/arch/verify/internal/exetest"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// elfFor is a static program, by the GOARCH of the machine.
func elfFor(architecture string) []byte {
	return exetest.ELF(map[string]exetest.ELFSpec{
		"amd64": {},
		"386":   {Machine: elf.EM_386, Is32: true},
		"arm64": {Machine: elf.EM_AARCH64},
		"arm":   {Machine: elf.EM_ARM, Is32: true, Flags: 0x5000200},
		"s390x": {Machine: elf.EM_S390, Big: true},
	}[architecture])
}

// app is an image that starts /app, which is for a machine.
func app(index, config, machine string) spec {
	return spec{index: index, config: config, start: started("/app"), layers: [][]file{{program("app", elfFor(machine))}}}
}

// One case for every verdict, and what the row then says.
func TestVerdicts(t *testing.T) {
	for name, tt := range map[string]struct {
		spec                    spec
		verdict                 verify.Verdict
		index, config, binaries string
		kind                    verify.Kind
		text                    string
	}{
		"OK": {
			app("linux/arm64", "linux/arm64", "arm64"), verify.OK,
			"linux/arm64", "linux/arm64", "linux/arm64", "", "",
		},
		"index and config disagree, the programs are with the index": {
			app("linux/arm64", "linux/amd64", "arm64"), verify.Label,
			"linux/arm64", "linux/amd64", "linux/arm64", verify.KindLabel, "the programs are for linux/arm64",
		},
		"index and config disagree, the programs are with the config": {
			app("linux/arm64", "linux/amd64", "amd64"), verify.Label,
			"linux/arm64", "linux/amd64", "linux/amd64", verify.KindLabel, "the programs are for linux/amd64",
		},
		"all three disagree": {
			app("linux/arm64", "linux/amd64", "s390x"), verify.Content,
			"linux/arm64", "linux/amd64", "linux/s390x", verify.KindMachine, "the architecture is s390x, not arm64",
		},
		"another machine": {
			app("linux/arm64", "linux/arm64", "amd64"), verify.Content,
			"linux/arm64", "linux/arm64", "linux/amd64", verify.KindMachine, "/app is for linux/amd64",
		},
		"another machine that the processor runs too": {
			app("linux/amd64", "linux/amd64", "386"), verify.Content,
			"linux/amd64", "linux/amd64", "linux/386", verify.KindMachine, "as a 32-bit program",
		},
		"no program": {
			spec{config: "linux/arm64", layers: [][]file{{script("data", "text")}}},
			verify.NoCode,
			"linux/arm64", "linux/arm64", "", "", "",
		},
		"no layer": {spec{config: "linux/arm64"}, verify.NoCode, "linux/arm64", "linux/arm64", "", "", ""},
		"a platform that does not exist": {
			app("linux/arm64/v7", "linux/arm64", "arm64"), verify.Label,
			"linux/arm64/v7", "linux/arm64", "linux/arm64", verify.KindName, "no variant v7",
		},
	} {
		s := newStore(t)
		r := s.run(s.images(tt.spec), verify.Options{Reference: "test"})
		p := r.Platforms[0]
		if p.Verdict != tt.verdict || r.OK != tt.verdict.Passes() || p.Index != tt.index || p.Config != tt.config || p.Binaries != tt.binaries {
			t.Errorf("%s: %s", name, dump(r))
		}
		if tt.kind != "" {
			mustFind(t, r, tt.kind, verify.Error, tt.text)
		} else if len(p.Findings) > 0 {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

func TestMixed(t *testing.T) {
	s := newStore(t)
	right, wrong := program("bin/right", elfFor("arm64")), program("bin/wrong", elfFor("amd64"))
	root := s.images(spec{config: "linux/arm64", start: started("/bin/right"), layers: [][]file{{right}, {wrong}}})
	r := s.run(root, verify.Options{Binaries: verify.All})
	f := mustFind(t, r, verify.KindMachine, verify.Error, "/bin/wrong is for linux/amd64")
	layer := s.manifestOf(r0(s, root)).Layers[1].Digest.String()
	if verdicts(r) != "MIXED" || r.Platforms[0].Binaries != "linux/amd64,linux/arm64" || f.Path != "bin/wrong" || f.Layer != layer || f.Found != "linux/amd64" || f.Expected != "linux/arm64" {
		t.Error(dump(r))
	}
	if r := s.run(root, verify.Options{}); verdicts(r) != "OK" { // what is not started is not looked at
		t.Error(dump(r))
	}
	// What is hidden by a higher layer is not there.
	root = s.images(spec{config: "linux/arm64", start: started("/bin/right"), layers: [][]file{{right, wrong}, {script("bin/.wh.wrong", "")}}})
	if r := s.run(root, verify.Options{Binaries: verify.All}); verdicts(r) != "OK" {
		t.Error(dump(r))
	}
}

// r0 is the first entry of an index.
func r0(s *store, root v1.Descriptor) v1.Descriptor {
	s.Helper()
	doc, err := place.ReadManifest(s.Context(), s.Place, root)
	if err != nil {
		s.Fatal(err)
	}
	return doc.Index.Manifests[0]
}

// What is missing is said, and the rest is judged all the same.
func TestMissing(t *testing.T) {
	for name, what := range map[string]func(*store, v1.Descriptor) v1.Hash{
		"manifest": func(_ *store, d v1.Descriptor) v1.Hash { return d.Digest },
		"config":   func(s *store, d v1.Descriptor) v1.Hash { return s.manifestOf(d).Config.Digest },
		"layer":    func(s *store, d v1.Descriptor) v1.Hash { return s.manifestOf(d).Layers[0].Digest },
	} {
		for _, o := range []verify.Options{{}, {Skim: true}, {Binaries: verify.None}, {Binaries: verify.All}, {Skim: true, Binaries: verify.None}} {
			s := newStore(t)
			broken, good := s.image(app("", "linux/amd64", "amd64")), s.image(app("", "linux/arm64", "arm64"))
			root := s.index(broken, good)
			gone := what(s, broken)
			s.gone[gone] = place.ErrNotFound
			r := s.run(root, o)
			if verdicts(r) != "MISSING OK" || r.OK {
				t.Errorf("%s: %s", name, dump(r))
			}
			if f := mustFind(t, r, verify.KindMissing, verify.Error, gone.String()); f.Digest != gone.String() {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

func TestCorrupt(t *testing.T) {
	flip := func(b []byte) []byte {
		b = append([]byte(nil), b...)
		b[len(b)/2] ^= 1
		return b
	}
	for name, what := range map[string]func(*store, v1.Descriptor) v1.Descriptor{
		"manifest": func(_ *store, d v1.Descriptor) v1.Descriptor { return d },
		"config":   func(s *store, d v1.Descriptor) v1.Descriptor { return s.manifestOf(d).Config },
		"layer":    func(s *store, d v1.Descriptor) v1.Descriptor { return s.manifestOf(d).Layers[0] },
	} {
		for change, f := range map[string]func([]byte) []byte{
			"a bit": flip, "cut": func(b []byte) []byte { return b[:len(b)/2] }, "empty": func([]byte) []byte { return nil },
			"more": func(b []byte) []byte { return append(append([]byte(nil), b...), 'x') },
		} {
			s := newStore(t)
			broken, good := s.image(app("", "linux/amd64", "amd64")), s.image(app("", "linux/arm64", "arm64"))
			root := s.index(broken, good)
			d := what(s, broken)
			rc, err := s.Place.Open(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, d.Size)
			if _, err := rc.Read(b); err != nil {
				t.Fatal(err)
			}
			s.wrong[d.Digest] = f(b)
			r := s.run(root, verify.Options{})
			if verdicts(r) != "CORRUPT OK" || r.OK || len(findings(r, verify.KindDigest)) != 1 {
				t.Errorf("%s, %s: %s", name, change, dump(r))
			}
		}
	}
}

// Errors of the place are no verdict.
func TestPlaceFails(t *testing.T) {
	for _, err := range []error{place.ErrUnavailable, place.ErrDenied} {
		for _, skim := range []bool{false, true} {
			s := newStore(t)
			d := s.image(app("", "linux/amd64", "amd64"))
			s.gone[s.manifestOf(d).Layers[0].Digest] = err
			if r, got := verify.Run(t.Context(), s, d, verify.Options{Skim: skim}); r != nil || got == nil {
				t.Errorf("%v: %v, %v", err, r, got)
			}
		}
	}
}

// Layers of every compression are read, by several at once, and only once each.
func TestCoverage(t *testing.T) {
	for _, k := range []compress.Kind{compress.Gzip, compress.Zstd} {
		s := newStore(t)
		var shared []file
		for range 3 {
			shared = append(shared, script("usr/lib/x", "shared"))
		}
		a, b := app("", "linux/amd64", "amd64"), app("", "linux/arm64", "arm64")
		a.layers, b.layers = append(a.layers, shared), append(b.layers, shared)
		a.kind, b.kind = k, k
		r := s.run(s.images(a, b), verify.Options{Jobs: 2})
		if verdicts(r) != "OK OK" || r.Layers.Total != 3 || r.Layers.Read != 3 || r.Layers.Bytes == 0 {
			t.Errorf("%s: %s", k, dump(r))
		}
	}
}
