package inspect_test

import (
	"encoding/json"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place/mem"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	s390x = v1.Platform{OS: "linux", Architecture: "s390x"}
	host  = arch.Platform{OS: "linux", Architecture: "amd64"}
	noon  = time.Date(2024, 9, 6, 12, 0, 0, 0, time.UTC)
)

// A maker puts content into memory.
type maker struct {
	t *testing.T
	*mem.Place
}

func newMaker(t *testing.T) maker { return maker{t, new(mem.Place)} }

func (m maker) put(mt types.MediaType, v any) v1.Descriptor {
	m.t.Helper()
	raw, ok := v.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			m.t.Fatal(err)
		}
	}
	d := manifest.Describe(mt, raw)
	if err := m.Put(m.t.Context(), d, blob.Bytes(raw)); err != nil {
		m.t.Fatal(err)
	}
	return d
}

// config is one for p with history and settings.
func config(p v1.Platform, layers int) v1.ConfigFile {
	c := v1.ConfigFile{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, Author: "us",
		Created: v1.Time{Time: noon}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: []string{"/hello"}, Env: []string{"A=b"}, Labels: map[string]string{"x": "y"}},
	}
	for i := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, manifest.Describe("", []byte{byte(i)}).Digest)
		c.History = append(c.History, v1.History{CreatedBy: "COPY", Created: v1.Time{Time: noon}}, v1.History{CreatedBy: "ENV", EmptyLayer: true})
	}
	return c
}

// image puts an image; its layers hold the given strings.
func (m maker) image(c v1.ConfigFile, layers ...string) v1.Descriptor {
	m.t.Helper()
	doc := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: m.put(types.OCIConfigJSON, c),
		Layers: []v1.Descriptor{}, Annotations: map[string]string{"in": "manifest"},
	}
	for _, l := range layers {
		doc.Layers = append(doc.Layers, m.put(types.OCILayer, []byte(l)))
	}
	return m.put(doc.MediaType, doc)
}

// index puts an index of images, and commits it under name.
func (m maker) index(name string, entries ...v1.Descriptor) v1.Descriptor {
	m.t.Helper()
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: entries}
	return m.commit(m.put(idx.MediaType, idx), name)
}

func (m maker) commit(d v1.Descriptor, name string) v1.Descriptor {
	m.t.Helper()
	if err := m.Commit(m.t.Context(), d, name); err != nil {
		m.t.Fatal(err)
	}
	return d
}

func on(d v1.Descriptor, p v1.Platform) v1.Descriptor {
	d.Platform = &p
	return d
}

// about marks an entry as BuildKit marks an attestation of subject.
func about(d, subject v1.Descriptor) v1.Descriptor {
	d = on(d, v1.Platform{OS: "unknown", Architecture: "unknown"})
	d.Annotations = map[string]string{
		"vnd.docker.reference.digest": subject.Digest.String(), "vnd.docker.reference.type": "attestation-manifest",
	}
	return d
}

// two is an index of amd64, with an attestation, and arm64; they share a layer.
func two(m maker) (root, amd, arm v1.Descriptor) {
	amd = on(m.image(config(amd64, 2), "shared", "amd"), amd64)
	arm = on(m.image(config(arm64, 2), "shared", "arm64"), arm64)
	statement := about(m.image(config(v1.Platform{OS: "unknown", Architecture: "unknown"}, 0)), amd)
	return m.index("two", amd, statement, arm), amd, arm
}

// want is what --platform says.
func want(t *testing.T, platforms ...string) inspect.Options {
	t.Helper()
	s, err := arch.ParseList(platforms)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.Options{Platforms: s, Host: host}
}

// noting collects the text of what is noted.
func noting(o *inspect.Options) *string {
	text := new(string)
	o.Events = func(e event.Event) { *text += e.Text + "\n" }
	return text
}
