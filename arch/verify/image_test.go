package verify_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
)

// A file is an entry of a layer: a folder if its name ends in a slash, a symlink if it has
// a target, else a file with mode 0755 unless another is given.
type file struct {
	name, target string
	data         []byte
	mode         int64
}

func program(name string, data []byte) file { return file{name: name, data: data} }
func script(name, text string) file         { return file{name: name, data: []byte(text)} }
func link(name, target string) file         { return file{name: name, target: target} }

// A spec is an image of the index that [store.index] makes.
type spec struct {
	index  string // platform in the index; "" is the same as config, "none" is none
	config string // platform in the config
	start  v1.Config
	layers [][]file
	kind   compress.Kind // of the layers; none is gzip

	changeConfig   func(*v1.ConfigFile)
	changeManifest func(*v1.Manifest)
	annotations    map[string]string
}

// started is the configuration of an image that starts argv.
func started(argv ...string) v1.Config { return v1.Config{Entrypoint: argv} }

// A store is a place for tests, which lets itself be broken.
type store struct {
	testing.TB
	*mem.Place
	gone  map[v1.Hash]error  // errors of Open
	wrong map[v1.Hash][]byte // other content

	mu      sync.Mutex
	streams int // how often a range without an end was opened
}

func newStore(t testing.TB) *store {
	return &store{TB: t, Place: new(mem.Place), gone: map[v1.Hash]error{}, wrong: map[v1.Hash][]byte{}}
}

var _ place.Source = (*store)(nil)

func (s *store) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := s.gone[d.Digest]; err != nil {
		return nil, err
	}
	if b, ok := s.wrong[d.Digest]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	return s.Place.Open(ctx, d)
}

func (s *store) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		s.mu.Lock()
		s.streams++
		s.mu.Unlock()
	}
	if err := s.gone[d.Digest]; err != nil {
		return nil, err
	}
	if b, ok := s.wrong[d.Digest]; ok {
		return blob.Bytes(b)(ctx, offset, length)
	}
	return s.Place.OpenRange(ctx, d, offset, length)
}

func (s *store) put(mt types.MediaType, b []byte) v1.Descriptor {
	s.Helper()
	d := manifest.Describe(mt, b)
	if err := s.Put(context.Background(), d, blob.Bytes(b)); err != nil {
		s.Fatal(err)
	}
	return d
}

func (s *store) putJSON(mt types.MediaType, v any) v1.Descriptor {
	s.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		s.Fatal(err)
	}
	return s.put(mt, b)
}

func pack(t testing.TB, files []file) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		switch {
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		case f.target != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.target
		case f.mode != 0:
			h.Mode = f.mode
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func press(t testing.TB, k compress.Kind, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := compress.NewWriter(&buf, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func platform(t testing.TB, s string) v1.Platform {
	t.Helper()
	p, err := arch.Parse(s)
	if err != nil { // one that does not exist, written as it shall stand there
		parts := append(strings.Split(s, "/"), "", "", "")
		return v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
	}
	return p.ToV1()
}

// image puts the image of sp and returns its entry for an index.
func (s *store) image(sp spec) v1.Descriptor {
	s.Helper()
	layerType := types.OCILayer
	switch sp.kind {
	case compress.None:
		sp.kind = compress.Gzip
	case compress.Zstd:
		layerType = types.OCILayerZStd
	}
	p := platform(s, sp.config)
	c := v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion, Config: sp.start, RootFS: v1.RootFS{Type: "layers"}}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, files := range sp.layers {
		plain := pack(s, files)
		m.Layers = append(m.Layers, s.put(layerType, press(s, sp.kind, plain)))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, manifest.Describe("", plain).Digest)
		c.History = append(c.History, v1.History{CreatedBy: "test"})
	}
	if sp.changeConfig != nil {
		sp.changeConfig(&c)
	}
	m.Config = s.putJSON(types.OCIConfigJSON, c)
	if sp.changeManifest != nil {
		sp.changeManifest(&m)
	}
	d := s.putJSON(m.MediaType, m)
	d.Annotations = sp.annotations
	if sp.index != "none" {
		if sp.index != "" {
			p = platform(s, sp.index)
		}
		d.Platform = &p
	}
	return d
}

func (s *store) index(entries ...v1.Descriptor) v1.Descriptor {
	s.Helper()
	return s.putJSON(types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: entries})
}

// images puts an index of all specs.
func (s *store) images(specs ...spec) v1.Descriptor {
	s.Helper()
	var entries []v1.Descriptor
	for _, sp := range specs {
		entries = append(entries, s.image(sp))
	}
	return s.index(entries...)
}

func (s *store) run(root v1.Descriptor, o verify.Options) *verify.Report {
	s.Helper()
	r, err := verify.Run(context.Background(), s, root, o)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// manifestOf reads back what image has put.
func (s *store) manifestOf(d v1.Descriptor) *v1.Manifest {
	s.Helper()
	doc, err := place.ReadManifest(context.Background(), s.Place, d)
	if err != nil {
		s.Fatal(err)
	}
	return doc.Image
}

// verdicts are those of all platforms in order, parted by spaces.
func verdicts(r *verify.Report) string {
	var all []string
	for _, p := range r.Platforms {
		all = append(all, string(p.Verdict))
	}
	return strings.Join(all, " ")
}

// findings returns those of a kind, on the image and on its platforms.
func findings(r *verify.Report, k verify.Kind) []verify.Finding {
	all := slices.Clone(r.Findings)
	for _, p := range r.Platforms {
		all = append(all, p.Findings...)
	}
	return slices.DeleteFunc(all, func(f verify.Finding) bool { return f.Kind != k })
}

// mustFind returns the only finding of a kind, which must be of this severity and say all texts.
func mustFind(t testing.TB, r *verify.Report, k verify.Kind, s verify.Severity, texts ...string) verify.Finding {
	t.Helper()
	fs := findings(r, k)
	if len(fs) != 1 || fs[0].Severity != s {
		t.Errorf("%d findings of kind %s, want one %s: %s", len(fs), k, s, dump(r))
		return verify.Finding{}
	}
	for _, text := range texts {
		if !strings.Contains(fs[0].Text, text) {
			t.Errorf("%q does not say %q", fs[0].Text, text)
		}
	}
	return fs[0]
}

func dump(r *verify.Report) string {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
