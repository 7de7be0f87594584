package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/compress"
)

// An archive is a store with members.
type archive struct {
	*store
	members map[string][]byte
	kind    compress.Kind
	parts   int
}

func (a archive) Compression() compress.Kind { return a.kind }
func (a archive) Parts() int                 { return a.parts }

func (a archive) OpenMember(_ context.Context, name string) (io.ReadCloser, error) {
	b, ok := a.members[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (a archive) json(name string, v any) archive {
	b, err := json.Marshal(v)
	if err != nil {
		a.Fatal(err)
	}
	a.members[name] = b
	return a
}

// saved adds a manifest.json with an image of this name for linux/arm64.
func (a archive) saved(names ...string) archive {
	a.members["layer.tar"] = []byte("\x1f\x8b\x08\x00 a layer")
	a.json("config.json", v1.ConfigFile{OS: "linux", Architecture: "arm64"})
	return a.json("manifest.json", []map[string]any{{"Config": "config.json", "RepoTags": names, "Layers": []string{"layer.tar"}}})
}

// layout adds an index.json with an index of two platforms under each name.
func (a archive) layout(names ...string) archive {
	root := a.images(app("", "linux/amd64", "amd64"), app("", "linux/arm64", "arm64"))
	idx := v1.IndexManifest{SchemaVersion: 2}
	for _, n := range names {
		d := root
		if n != "" {
			d.Annotations = map[string]string{"io.containerd.image.name": n}
		}
		idx.Manifests = append(idx.Manifests, d)
	}
	return a.json("index.json", idx)
}

// beside adds an artifact to the index.json, which has images or has none.
func (a archive) beside(images bool) archive {
	var idx v1.IndexManifest
	if err := json.Unmarshal(a.members["index.json"], &idx); err != nil || images != (len(idx.Manifests) > 0) {
		a.Fatal(err, idx)
	}
	d := a.images(app("", "linux/amd64", "amd64"))
	d.ArtifactType = "application/spdx+json"
	idx.Manifests = append(idx.Manifests, d)
	return a.json("index.json", idx)
}

func TestEngines(t *testing.T) {
	both := "linux/amd64, linux/arm64"
	for name, tt := range map[string]struct {
		make func(archive) archive
		want []string // engine: yes or no, what it sees, a part of why
	}{
		"hybrid": {
			func(a archive) archive { return a.saved("app:1").layout("app:1") },
			[]string{
				"Docker, classic store: true [app:1 (linux/arm64)] reads manifest.json", "Docker, containerd store: true [app:1 (" + both + ")] reads index.json",
				"containerd: true [app:1 (" + both + ")] reads index.json", "Podman: true [app:1 (" + both + ")] takes the platform of the machine",
				"skopeo: true [app:1 (" + both + ")] as oci-archive: it reads index.json, as docker-archive: manifest.json",
			},
		},
		"docker": {
			func(a archive) archive { return a.saved() },
			[]string{
				"Docker, classic store: true [an image without a name (linux/arm64)] reads manifest.json",
				"Docker, containerd store: true [an image without a name (linux/arm64)] their digests are others", "containerd: true [an image without a name (linux/arm64)] their digests are others",
				"Podman: true [an image without a name (linux/arm64)] reads manifest.json", "skopeo: true [an image without a name (linux/arm64)] as docker-archive: only",
			},
		},
		"OCI with several": {
			func(a archive) archive { return a.layout("app:1", "") },
			[]string{
				"Docker, classic store: false [] manifest.json, which is not there", "Docker, containerd store: true [app:1 (" + both + ") an image without a name (" + both + ")] kept by its digest alone",
				"containerd: true [app:1 (" + both + ") an image without a name (" + both + ")] kept by its digest alone", "Podman: false [] only one image from index.json",
				"skopeo: true [app:1 (" + both + ") an image without a name (" + both + ")] has to be told which image",
			},
		},
		"broken": {
			func(a archive) archive { a = a.saved("app:1"); delete(a.members, "layer.tar"); return a },
			[]string{
				"Docker, classic store: false [] manifest.json names layer.tar, which is not there", "Docker, containerd store: false [] neither",
				"containerd: false [] neither", "Podman: false [] neither", "skopeo: false [] neither",
			},
		},
		"in parts": {
			func(a archive) archive { a = a.saved("app:1"); a.parts = 3; return a },
			[]string{
				"Docker, classic store: false [] in 3 parts", "Docker, containerd store: false [] dray parts join", "containerd: false [] in 3 parts",
				"Podman: false [] in 3 parts", "skopeo: false [] in 3 parts",
			},
		},
		"update": {
			func(a archive) archive { return a.layout().beside(false) },
			[]string{
				"Docker, classic store: false [] it is an update", "Docker, containerd store: false [] dray copy", "containerd: false [] it is an update",
				"Podman: false [] it is an update", "skopeo: false [] it is an update",
			},
		},
		"signed": {
			func(a archive) archive { return a.saved("app:1").layout("app:1").beside(true) },
			[]string{
				"Docker, classic store: true [app:1 (linux/arm64)] reads manifest.json", "Docker, containerd store: true [app:1 (" + both + ")] reads index.json",
				"containerd: true [app:1 (" + both + ")] reads index.json", "Podman: true [app:1 (linux/arm64)] reads manifest.json",
				"skopeo: true [app:1 (" + both + ")] as oci-archive: it reads index.json, as docker-archive: manifest.json",
			},
		},
		"zstd": {
			func(a archive) archive { a = a.saved("app:1"); a.kind = compress.Zstd; return a },
			[]string{
				"Docker, classic store: true [app:1 (linux/arm64)] zstd needs Docker 23", "Docker, containerd store: true [app:1 (linux/arm64)] reads manifest.json",
				"containerd: true [app:1 (linux/arm64)] only when it is not compressed", "Podman: true [app:1 (linux/arm64)] reads manifest.json", "skopeo: true [app:1 (linux/arm64)] docker-archive",
			},
		},
	} {
		engines, ok, err := verify.Engines(t.Context(), tt.make(archive{newStore(t), map[string][]byte{}, compress.None, 1}))
		if !ok || err != nil || len(engines) != len(tt.want) {
			t.Fatalf("%s: %v, %v, %v", name, engines, ok, err)
		}
		for i, e := range engines {
			head := fmt.Sprintf("%s: %v %v ", e.Name, e.Loads, e.Sees)
			if why, ok := strings.CutPrefix(tt.want[i], head); !ok || !strings.Contains(e.Why, why) {
				t.Errorf("%s: %s%s\nwant %s", name, head, e.Why, tt.want[i])
			}
		}
	}
	if _, ok, err := verify.Engines(t.Context(), newStore(t)); ok || err != nil {
		t.Error(ok, err)
	}
	bad := archive{newStore(t), map[string][]byte{"manifest.json": []byte("{")}, compress.None, 1}
	if _, _, err := verify.Engines(t.Context(), bad); err == nil {
		t.Error("a broken manifest.json passes")
	}
}
