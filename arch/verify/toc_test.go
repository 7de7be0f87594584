package verify_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// lazy is an image for a platform whose only layer is a file of testdata: estargz.tar.gz
// was written by containerd/stargz-snapshotter 0.18.2, chunked.tar.zst by containers/storage
// 1.59.1, of a tar with opt/app (for arm64), bin/link -> ../opt/app, bin/hard = opt/app and
// bin/run, a script for /opt/app. change may change the annotations.
func (s *store) lazy(name, claim string, argv []string, change func(map[string]string)) v1.Descriptor {
	s.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		s.Fatal(err)
	}
	var annotations map[string]map[string]string
	known, err := os.ReadFile(filepath.Join("testdata", "annotations.json"))
	if err == nil {
		err = json.Unmarshal(known, &annotations)
	}
	if err != nil {
		s.Fatal(err)
	}
	z, err := compress.NewReader(bytes.NewReader(raw), compress.Limits{})
	if err != nil {
		s.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		s.Fatal(err)
	}
	layer := s.put(map[string]types.MediaType{"estargz.tar.gz": types.OCILayer, "chunked.tar.zst": types.OCILayerZStd}[name], raw)
	layer.Annotations = maps.Clone(annotations[name])
	if change != nil {
		change(layer.Annotations)
	}
	return s.image(spec{
		config: claim, start: started(argv...),
		changeConfig:   func(c *v1.ConfigFile) { c.RootFS.DiffIDs = []v1.Hash{manifest.Describe("", plain).Digest} },
		changeManifest: func(m *v1.Manifest) { m.Layers = []v1.Descriptor{layer} },
	})
}

// noRanges hides the ability to read parts.
type noRanges struct{ place.Source }

func TestTOC(t *testing.T) {
	for _, name := range []string{"estargz.tar.gz", "chunked.tar.zst"} {
		for _, path := range []string{"/opt/app", "/bin/link", "/bin/hard", "/bin/run"} {
			for claim, want := range map[string]string{"linux/arm64": "OK", "linux/amd64": "CONTENT"} {
				s := newStore(t)
				r := s.run(s.lazy(name, claim, []string{path}, nil), verify.Options{Skim: true})
				if files := map[string]int{"/bin/run": 2}[path]; s.streams != max(files, 1) { // each file once
					t.Errorf("%s, %s: %d files were opened", name, path, s.streams)
				}
				if verdicts(r) != want || r.Layers.Toc != 1 || r.Layers.Read != 0 || r.Platforms[0].Binaries != "linux/arm64" {
					t.Errorf("%s, %s, %s: %s", name, path, claim, dump(r))
				}
			}
		}
		s := newStore(t)
		d := s.lazy(name, "linux/arm64", []string{"/etc/gone"}, nil)
		if r := s.run(d, verify.Options{Skim: true}); verdicts(r) != "MISSING" || r.Layers.Toc != 1 {
			t.Errorf("%s: %s", name, dump(r))
		}
		for what, o := range map[string]verify.Options{"all": {Skim: true, Binaries: verify.All}, "not skimmed": {}} {
			if r := s.run(d, o); r.Layers.Toc != 0 || r.Layers.Read != 1 {
				t.Errorf("%s, %s: %s", name, what, dump(r))
			}
		}
	}
}

// Where the table of contents cannot be used, the layer is read whole.
func TestTOCFallsBack(t *testing.T) {
	const (
		digest   = "containerd.io/snapshot/stargz/toc.digest"
		position = "io.github.containers.zstd-chunked.manifest-position"
		checksum = "io.github.containers.zstd-chunked.manifest-checksum"
	)
	for what, tt := range map[string]struct{ name, key, value string }{
		"eStargz, another digest":  {"estargz.tar.gz", digest, "sha256:00"},
		"eStargz, said of another": {"chunked.tar.zst", digest, "sha256:00"},
		"chunked, another digest":  {"chunked.tar.zst", checksum, "sha256:00"},
		"chunked, elsewhere":       {"chunked.tar.zst", position, "0:10:10:1"},
		"chunked, beyond the end":  {"chunked.tar.zst", position, "480:399000:1028:1"},
		"chunked, negative":        {"chunked.tar.zst", position, "-1:399:1028:1"},
		"chunked, another type":    {"chunked.tar.zst", position, "480:399:1028:2"},
		"chunked, three numbers":   {"chunked.tar.zst", position, "480:399:1028"},
		"chunked, no numbers":      {"chunked.tar.zst", position, "x:y:z:1"},
	} {
		s := newStore(t)
		d := s.lazy(tt.name, "linux/arm64", []string{"/opt/app"}, func(a map[string]string) { a[tt.key] = tt.value })
		if r := s.run(d, verify.Options{Skim: true}); verdicts(r) != "OK" || r.Layers.Toc != 0 || r.Layers.Read != 1 {
			t.Errorf("%s: %s", what, dump(r))
		}
	}
	s := newStore(t)
	d := s.lazy("estargz.tar.gz", "linux/arm64", []string{"/opt/app"}, nil)
	if r, err := verify.Run(t.Context(), noRanges{s}, d, verify.Options{Skim: true}); err != nil || r.Layers.Toc != 0 || !r.OK {
		t.Error(err, dump(r))
	}
	// The table is right, what it leads to is not: reading all of it says so.
	layer := s.manifestOf(d).Layers[0]
	raw, err := os.ReadFile(filepath.Join("testdata", "estargz.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	clear(raw[:400])
	s.wrong[layer.Digest] = raw
	if r := s.run(d, verify.Options{Skim: true}); verdicts(r) != "CORRUPT" {
		t.Error(dump(r))
	}
}
