package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// A builder makes archives as other tools do.
type builder struct {
	t   testing.TB
	buf bytes.Buffer
	w   *tar.Writer
}

func build(t testing.TB) *builder {
	b := &builder{t: t}
	b.w = tar.NewWriter(&b.buf)
	return b
}

func (b *builder) member(h tar.Header, content string) *builder {
	b.t.Helper()
	h.Size = int64(len(content))
	err := b.w.WriteHeader(&h)
	if err == nil {
		_, err = io.WriteString(b.w, content)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return b
}

func (b *builder) file(name, content string) *builder {
	return b.member(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content)
}

func (b *builder) folder(name string) *builder {
	return b.member(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, "")
}

func (b *builder) symlink(name, target string) *builder {
	return b.member(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}, "")
}

func (b *builder) hardlink(name, target string) *builder {
	return b.member(tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, "")
}

func (b *builder) json(name string, v any) *builder { return b.file(name, string(encode(b.t, v))) }

// blobs adds the content of c below folder.
func (b *builder) blobs(folder string, c placetest.Content) *builder {
	for _, d := range c.Order {
		b.file(folder+"blobs/sha256/"+d.Digest.Hex, string(c.Bytes[d.Digest]))
	}
	return b
}

func (b *builder) bytes() []byte {
	b.t.Helper()
	if err := b.w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.buf.Bytes()
}

// unpack returns the files of a tar.
func unpack(t testing.TB, raw []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func packed(t testing.TB, k compress.Kind, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := compress.NewWriter(&buf, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// partsOf an image: its config, and its layers as tars.
func partsOf(c placetest.Content) (config string, layers []string) {
	for _, d := range c.Order {
		switch {
		case d.MediaType.IsConfig():
			config = string(c.Bytes[d.Digest])
		case d.MediaType.IsLayer():
			layers = append(layers, string(c.Bytes[d.Digest]))
		}
	}
	return config, layers
}

type saved struct {
	Config       string
	RepoTags     []string
	Layers       []string
	LayerSources map[string]any `json:",omitempty"`
}

// index.json as a tool writes it.
func indexJSON(mt types.MediaType, entries ...v1.Descriptor) v1.IndexManifest {
	return v1.IndexManifest{SchemaVersion: 2, MediaType: mt, Manifests: entries}
}

func withNames(d v1.Descriptor, image, ref string) v1.Descriptor {
	d.Annotations = map[string]string{}
	if image != "" {
		d.Annotations[layout.AnnotationImageName] = image
	}
	if ref != "" {
		d.Annotations[layout.AnnotationRefName] = ref
	}
	return d
}

const marker = `{"imageLayoutVersion": "1.0.0"}`

// producers are archives of img, or of multi, as tools write them.
func producers(t testing.TB, img, multi placetest.Content) map[string]producer {
	t.Helper()
	config, l := partsOf(img)
	id := hash([]byte(config))
	gz, zst := string(packed(t, compress.Gzip, []byte(l[0]))), string(packed(t, compress.Zstd, []byte(l[1])))
	one := []string{name}
	old := func(b *builder) *builder {
		return b.
			folder("aaaa/").file("aaaa/VERSION", "1.0").file("aaaa/json", `{"id":"aaaa"}`).file("aaaa/layer.tar", l[0]).
			folder("bbbb/").file("bbbb/VERSION", "1.0").file("bbbb/json", `{"id":"bbbb"}`).symlink("bbbb/layer.tar", "../cccc/layer.tar").
			folder("cccc/").file("cccc/layer.tar", l[1])
	}
	return map[string]producer{
		"docker save before 25": {
			tar: old(build(t)).file(id+".json", config).
				json("manifest.json", []saved{{Config: id + ".json", RepoTags: one, Layers: []string{"aaaa/layer.tar", "bbbb/layer.tar"}}}).
				file("repositories", `{"example.com/team/app":{"1.0":"bbbb"}}`).bytes(),
			names: one, made: true, layers: []types.MediaType{types.OCIUncompressedLayer, types.OCIUncompressedLayer},
		},
		"docker save from 25": {
			tar: build(t).folder("blobs/").folder("blobs/sha256/").blobs("", img).
				json("index.json", indexJSON("", withNames(img.Root, name, "1.0"))).
				json("manifest.json", []saved{{
					Config: "blobs/sha256/" + id, RepoTags: one, Layers: []string{"blobs/sha256/" + hash([]byte(l[0])), "blobs/sha256/" + hash([]byte(l[1]))},
					LayerSources: map[string]any{"sha256:" + hash([]byte(l[0])): map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar"}},
				}}).
				file("oci-layout", marker).file("repositories", `{"example.com/team/app":{"1.0":"bbbb"}}`).bytes(),
			names: one, root: img.Root.Digest,
		},
		"buildkit type=oci": {
			tar: build(t).folder("blobs/").folder("blobs/sha256/").blobs("", multi).
				json("index.json", indexJSON(types.OCIImageIndex, withNames(multi.Root, name, "1.0"))).file("oci-layout", marker).bytes(),
			names: one, root: multi.Root.Digest,
		},
		"skopeo docker-archive": {
			tar: build(t).file(hash([]byte(l[0]))+".tar", l[0]).file(hash([]byte(l[1]))+".tar", l[1]).file(id+".json", config).
				symlink("aaaa/layer.tar", "../"+hash([]byte(l[0]))+".tar").file("aaaa/VERSION", "1.0").
				json("manifest.json", []saved{{Config: id + ".json", RepoTags: one, Layers: []string{hash([]byte(l[0])) + ".tar", hash([]byte(l[1])) + ".tar"}}}).
				file("repositories", "{}").bytes(),
			names: one, made: true,
		},
		"skopeo oci-archive": {
			tar:   build(t).blobs("", img).json("index.json", indexJSON("", withNames(img.Root, "", "1.0"))).file("oci-layout", marker).bytes(),
			names: []string{"1.0"}, root: img.Root.Digest,
		},
		"podman save --format oci-archive": {
			tar:   build(t).blobs("", img).json("index.json", indexJSON("", withNames(img.Root, "", name))).file("oci-layout", marker).bytes(),
			names: one, root: img.Root.Digest,
		},
		"crane, kaniko, ko": {
			tar: build(t).file("sha256:"+id, config).file(hash([]byte(gz))+".tar.gz", gz).file(hash([]byte(zst))+".tar.gz", zst).
				json("manifest.json", []saved{{Config: "sha256:" + id, RepoTags: one, Layers: []string{hash([]byte(gz)) + ".tar.gz", hash([]byte(zst)) + ".tar.gz"}}}).bytes(),
			names: one, made: true, layers: []types.MediaType{types.OCILayer, types.OCILayerZStd},
		},
		"compressed layers of any name": {
			tar: build(t).file("config", config).file("0/layer.tar", gz).hardlink("1/layer.tar", "0/other").file("0/other", zst).
				json("manifest.json", []saved{{Config: "config", Layers: []string{"0/layer.tar", "1/layer.tar"}}}).bytes(),
			names: nil, made: true, layers: []types.MediaType{types.OCILayer, types.OCILayerZStd},
		},
		"tar of a folder": {
			tar: build(t).folder("./").folder("./blobs/").blobs("./", img).
				json("./index.json", indexJSON("", withNames(img.Root, "", "1.0"))).file("./oci-layout", marker).bytes(),
			names: []string{"1.0"}, root: img.Root.Digest,
		},
		"no oci-layout, no name": {
			tar: build(t).blobs("", img).json("index.json", indexJSON("", img.Root)).bytes(), root: img.Root.Digest,
		},
		"flat index": {
			tar: build(t).blobs("", multi).file("index.json", string(multi.Bytes[multi.Root.Digest])).file("oci-layout", marker).bytes(), root: multi.Root.Digest,
		},
		"no media type in index.json": {
			tar: build(t).blobs("", img).json("index.json", indexJSON("", v1.Descriptor{Digest: img.Root.Digest, Size: img.Root.Size})).bytes(), root: img.Root.Digest,
		},
		"containerd": {
			tar: build(t).blobs("", multi).json("index.json", indexJSON("", withNames(multi.Root, name, "1.0"))).
				json("manifest.json", []saved{{Config: "blobs/sha256/" + id}}).file("oci-layout", marker).bytes(),
			names: one, root: multi.Root.Digest,
		},
	}
}

type producer struct {
	tar    []byte
	names  []string
	root   v1.Hash // the zero Hash: not known before
	made   bool
	layers []types.MediaType // checked if set
}

func TestProducers(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{Layers: []int{300, 70_000}})
	multi := index(t, amd64, arm64v8)
	for what, p := range producers(t, img, multi) {
		for _, k := range []compress.Kind{compress.None, compress.Gzip, compress.Zstd} {
			raw := packed(t, k, p.tar)
			t.Run(what+" "+string(k), func(t *testing.T) { opened(t, raw, k, p) })
			t.Run(what+" "+string(k)+" piped", func(t *testing.T) {
				a, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				readAll(t, a, p)
			})
		}
	}
}

// opened opens raw as a file. What is not compressed is read in place.
func opened(t *testing.T, raw []byte, k compress.Kind, p producer) {
	path := filepath.Join(t.TempDir(), "images.tar")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	temp, unpacked, notes := t.TempDir(), 0, 0
	a := open(t, path, archive.ReadOptions{TempDir: temp, Events: func(e event.Event) {
		switch {
		case e.Kind == event.Note && strings.Contains(e.Text, temp):
			unpacked++
		case e.Kind == event.Note:
			notes++
		}
	}})
	readAll(t, a, p)
	if want := k != compress.None; (unpacked > 0) != want {
		t.Errorf("unpacked: %d, want %v", unpacked, want)
	}
	if (notes > 0) != p.made {
		t.Errorf("%d notes about a new digest, want %v", notes, p.made)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v stays, %v", left, err)
	}
}

// readAll reads the only image of a with everything in it.
func readAll(t *testing.T, a *archive.Archive, p producer) {
	t.Helper()
	root, err := a.Resolve(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if p.root.Hex != "" && root.Digest != p.root {
		t.Errorf("digest %s, want %s", root.Digest, p.root)
	}
	for _, n := range append([]string{"@" + root.Digest.String()}, p.names...) {
		if got, err := a.Resolve(t.Context(), n); err != nil || got.Digest != root.Digest || got.MediaType != root.MediaType || got.Size != root.Size {
			t.Errorf("%q: %v, %v", n, got, err)
		}
	}
	var names []string
	if err := a.List(t.Context(), func(e place.Entry) error {
		if !strings.HasPrefix(e.Name, "@") {
			names = append(names, e.Name)
		}
		return nil
	}); err != nil || !cmp.Equal(names, p.names) {
		t.Errorf("List: %q, %v, want %q", names, err, p.names)
	}
	if err := readTree(t.Context(), a, root, p.layers); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// readTree reads, verified, all below root. layers are the media types of an image.
func readTree(ctx context.Context, src place.Source, root v1.Descriptor, layers []types.MediaType) error {
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return err
	}
	for i, d := range doc.Children() {
		if manifest.Is(d.MediaType) {
			if err := readTree(ctx, src, d, nil); err != nil {
				return err
			}
			continue
		}
		if i > 0 && layers != nil && d.MediaType != layers[i-1] {
			return fmt.Errorf("layer %d is %s, want %s", i, d.MediaType, layers[i-1])
		}
		if _, err := blob.ReadAll(ctx, place.Opener(src, d), d, 1<<20); err != nil {
			return err
		}
	}
	return nil
}

func TestManyImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	if err := write(t.Context(), create(t, path, archive.Options{}), 0, images(t, archive.Hybrid)...); err != nil {
		t.Fatal(err)
	}
	a := open(t, path, archive.ReadOptions{})
	defer a.Close()
	var choice *place.ChoiceError
	if _, err := a.Resolve(t.Context(), ""); !errors.As(err, &choice) || len(choice.Choices) != 4 {
		t.Errorf("no name: %v", err)
	}
	for n, ok := range map[string]bool{
		name: true, "app": true, "app:latest": true, "docker.io/library/app": true, "latest": true, "3": true, "example.com/multi:3": true,
		"example.com/multi:4": false, "app:2": false, "@sha256:" + strings.Repeat("0", 64): false, "@sha256:0": false,
	} {
		if _, err := a.Resolve(t.Context(), n); (err == nil) != ok {
			t.Errorf("%q: %v", n, err)
		}
	}
	multi, err := a.Resolve(t.Context(), "example.com/multi:3")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := place.ReadManifest(t.Context(), a, multi)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range doc.Index.Manifests {
		got, err := a.Resolve(t.Context(), "@"+child.Digest.String())
		if err != nil || got.Digest != child.Digest || got.MediaType != child.MediaType || got.Size != child.Size {
			t.Errorf("child by digest: %v, %v", got, err)
		}
	}
}
