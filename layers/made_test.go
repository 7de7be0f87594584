package layers_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
)

// tarOf makes a layer of entries: "dir/" a folder, "a->b" a symlink, "a=b" a hard
// link, "a:text" a file with that content, else a file that names itself.
func tarOf(t testing.TB, entries ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h, content := &tar.Header{Name: e, Typeflag: tar.TypeReg, Mode: 0o644}, e
		if name, target, ok := strings.Cut(e, "->"); ok {
			h.Name, h.Linkname, h.Typeflag, content = name, target, tar.TypeSymlink, ""
		} else if name, target, ok := strings.Cut(e, "="); ok {
			h.Name, h.Linkname, h.Typeflag, content = name, target, tar.TypeLink, ""
		} else if name, text, ok := strings.Cut(e, ":"); ok {
			h.Name, content = name, text
		} else if strings.HasSuffix(e, "/") {
			h.Typeflag, h.Mode, h.Uid, content = tar.TypeDir, 0o2750, 7, ""
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// A made is a place in memory with images that tests make.
type made struct {
	*mem.Place
	t testing.TB
}

func newMade(t testing.TB) *made { return &made{new(mem.Place), t} }

func (m *made) put(mt types.MediaType, raw []byte) v1.Descriptor {
	m.t.Helper()
	d := manifest.Describe(mt, raw)
	if err := m.Put(m.t.Context(), d, blob.Bytes(raw)); err != nil {
		m.t.Fatal(err)
	}
	return d
}

func (m *made) json(mt types.MediaType, v any) v1.Descriptor {
	m.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.put(mt, raw)
}

// image makes an image for a platform; each layer is a list of entries parted by blanks.
func (m *made) image(platform string, config v1.Config, layerEntries ...string) v1.Descriptor {
	m.t.Helper()
	p, err := arch.Parse(platform)
	if err != nil {
		m.t.Fatal(err)
	}
	mf := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	cf := v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, Config: config, RootFS: v1.RootFS{Type: "layers"}}
	for i, entries := range layerEntries {
		raw := tarOf(m.t, strings.Fields(entries)...)
		var buf bytes.Buffer
		z, err := compress.NewWriter(&buf, compress.Gzip)
		if err != nil {
			m.t.Fatal(err)
		}
		if _, err := z.Write(raw); err != nil {
			m.t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			m.t.Fatal(err)
		}
		mf.Layers = append(mf.Layers, m.put(types.OCILayer, buf.Bytes()))
		cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, manifest.Describe("", raw).Digest)
		cf.History = append(cf.History, v1.History{CreatedBy: fmt.Sprintf("layer %d", i)})
	}
	mf.Config = m.json(types.OCIConfigJSON, cf)
	d := m.json(mf.MediaType, mf)
	d.Platform = cf.Platform()
	return d
}

func (m *made) index(annotations map[string]string, images ...v1.Descriptor) v1.Descriptor {
	m.t.Helper()
	return m.json(types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: images, Annotations: annotations})
}

// attestation makes an entry of an index that speaks of subject.
func (m *made) attestation(subject v1.Descriptor) v1.Descriptor {
	m.t.Helper()
	config := m.put(types.OCIConfigJSON, []byte(`{"os":"unknown","architecture":"unknown","rootfs":{"type":"layers","diff_ids":[]}}`))
	d := m.json(types.OCIManifestSchema1, v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{}})
	d.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	d.Annotations = map[string]string{"vnd.docker.reference.digest": subject.Digest.String(), "vnd.docker.reference.type": "attestation-manifest"}
	return d
}

// host is what tests run on as far as images are concerned.
var host = arch.Platform{OS: "linux", Architecture: "amd64"}

// options notes what is said in notes.
func options(t testing.TB, notes *[]string, platforms ...string) layers.Options {
	t.Helper()
	sel, err := arch.ParseList(platforms)
	if err != nil {
		t.Fatal(err)
	}
	return layers.Options{Platforms: sel, Host: host, TempDir: t.TempDir(), Events: func(e event.Event) {
		if notes != nil && e.Kind == event.Note {
			*notes = append(*notes, e.Text)
		}
	}}
}

// listing is what Files finds, as "mode uid path content".
func listing(t testing.TB, src place.Source, root v1.Descriptor, platforms ...string) []string {
	t.Helper()
	l, err := layers.Files(t.Context(), src, root, layers.FilesOptions{Options: options(t, nil, platforms...)})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range l.Files {
		line := fmt.Sprintf("%s %d %s", f.Mode, f.UID, f.Path)
		switch f.Type {
		case "file":
			var buf bytes.Buffer
			if err := layers.Cat(t.Context(), src, root, f.Path, &buf, options(t, nil, platforms...)); err != nil {
				t.Fatal(err)
			}
			line += " " + buf.String()
		case "symlink", "hardlink":
			line += " -> " + f.Link
		}
		all = append(all, line)
	}
	return all
}

// read returns the manifest of d, and its config if it is an image.
func read(t testing.TB, src place.Source, d v1.Descriptor) (*manifest.Doc, *v1.ConfigFile) {
	t.Helper()
	doc, err := place.ReadManifest(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Image == nil {
		return doc, nil
	}
	c, _, err := place.ReadConfig(t.Context(), src, doc.Image.Config)
	if err != nil {
		t.Fatal(err)
	}
	return doc, c
}
