package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestOpenRefuses(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{Layers: []int{300, 700}})
	config, l := partsOf(img)
	good := build(t).blobs("", img).json("index.json", indexJSON("", img.Root)).bytes()
	docker := func(entries ...saved) *builder {
		return build(t).file("c.json", config).file("0.tar", l[0]).file("1.tar", l[1]).json("manifest.json", entries)
	}
	whole := saved{Config: "c.json", Layers: []string{"0.tar", "1.tar"}}
	for what, tt := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":            {nil, place.ErrInvalid},
		"text":               {[]byte(strings.Repeat("no tar at all ", 100)), place.ErrInvalid},
		"a layer":            {[]byte(l[0]), place.ErrInvalid},
		"cut in a member":    {good[:len(good)-2000], place.ErrInvalid},
		"cut at its end":     {good[:len(good)-1024], place.ErrInvalid},
		"gzip cut":           {packed(t, compress.Gzip, good)[:900], place.ErrInvalid},
		"gzip of text":       {packed(t, compress.Gzip, []byte("text")), place.ErrInvalid},
		"docker before 1.10": {build(t).file("aaaa/layer.tar", l[0]).file("repositories", "{}").bytes(), place.ErrUnsupported},

		"climbing name":                     {build(t).blobs("", img).json("index.json", indexJSON("", img.Root)).file("../../etc/cron.d/x", "x").bytes(), place.ErrInvalid},
		"two index.json":                    {build(t).json("index.json", indexJSON("", img.Root)).json("./index.json", indexJSON("")).bytes(), place.ErrInvalid},
		"index.json twice a key":            {build(t).file("index.json", `{"schemaVersion":2,"manifests":[],"manifests":[]}`).bytes(), place.ErrInvalid},
		"index.json with a key in capitals": {build(t).file("index.json", `{"schemaVersion":2,"Manifests":[]}`).bytes(), place.ErrInvalid},
		"index.json is a folder":            {build(t).folder("index.json").bytes(), place.ErrInvalid},
		"index.json leads out":              {build(t).symlink("index.json", "../../../etc/passwd").bytes(), place.ErrInvalid},
		"index.json leads to a root":        {build(t).symlink("index.json", "/etc/passwd").bytes(), place.ErrInvalid},
		"index.json too large":              {build(t).file("index.json", strings.Repeat(" ", 17<<20)).bytes(), place.ErrInvalid},
		"negative size":                     {build(t).json("index.json", indexJSON("", v1.Descriptor{Digest: img.Root.Digest, Size: -1})).bytes(), place.ErrInvalid},
		"digest is a path":                  {build(t).file("index.json", `{"schemaVersion":2,"manifests":[{"digest":"sha256:../../etc/passwd","size":1}]}`).bytes(), place.ErrInvalid},
		"layout of version 2":               {build(t).file("oci-layout", `{"imageLayoutVersion":"2.0.0"}`).json("index.json", indexJSON("")).bytes(), place.ErrUnsupported},
		"layout is no JSON":                 {build(t).file("oci-layout", `1.0.0`).json("index.json", indexJSON("")).bytes(), place.ErrInvalid},

		"manifest.json with a key in capitals": {build(t).file("manifest.json", `[{"config":"c.json"}]`).bytes(), place.ErrInvalid},
		"manifest.json too large":              {build(t).file("manifest.json", strings.Repeat(" ", 17<<20)).bytes(), place.ErrInvalid},
		"too many images":                      {docker(make([]saved, 10_001)...).bytes(), place.ErrInvalid},
		"too many layers in all":               {layersOf(t, 101, 1000).bytes(), place.ErrInvalid},
		"config not there":                     {docker(saved{Config: "gone", Layers: whole.Layers}).bytes(), place.ErrInvalid},
		"config on the disk":                   {docker(saved{Config: "/etc/hostname", Layers: whole.Layers}).bytes(), place.ErrInvalid},
		"config climbs":                        {docker(saved{Config: "../../etc/hostname", Layers: whole.Layers}).bytes(), place.ErrInvalid},
		"config is no JSON":                    {docker(saved{Config: "0.tar", Layers: whole.Layers}).bytes(), place.ErrInvalid},
		"config too large":                     {docker(saved{Config: "big", Layers: whole.Layers}).file("big", strings.Repeat(" ", 9<<20)).bytes(), place.ErrInvalid},
		"too few layers":                       {docker(saved{Config: "c.json", Layers: []string{"0.tar"}}).bytes(), place.ErrInvalid},
		"too many layers":                      {docker(saved{Config: "c.json", Layers: []string{"0.tar", "1.tar", "1.tar"}}).bytes(), place.ErrInvalid},
		"layer not there":                      {docker(saved{Config: "c.json", Layers: []string{"0.tar", "2.tar"}}).bytes(), place.ErrInvalid},
		"layer loops":                          {docker(saved{Config: "c.json", Layers: []string{"0.tar", "loop"}}).symlink("loop", "loop").bytes(), place.ErrInvalid},
		"layer leads out":                      {docker(saved{Config: "c.json", Layers: []string{"0.tar", "out"}}).symlink("out", "../0.tar").bytes(), place.ErrInvalid},
		"layer is a device":                    {docker(saved{Config: "c.json", Layers: []string{"0.tar", "dev"}}).member(tar.Header{Typeflag: tar.TypeChar, Name: "dev"}, "").bytes(), place.ErrInvalid},
		"one diffID, two sizes": {build(t).file("c.json", `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:`+strings.Repeat("0", 64)+`","sha256:`+strings.Repeat("0", 64)+`"]}}`).
			file("0.tar", l[0]).file("1.tar", l[1]).json("manifest.json", []saved{whole}).bytes(), place.ErrInvalid},
	} {
		t.Run(what, func(t *testing.T) {
			temp := t.TempDir()
			path := filepath.Join(t.TempDir(), "images.tar")
			if err := os.WriteFile(path, tt.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Open(t.Context(), path, archive.ReadOptions{TempDir: temp}); !errors.Is(err, tt.want) || strings.Contains(err.Error(), "%!") {
				t.Errorf("Open: %v, want %v", err, tt.want)
			}
			if _, err := archive.Read(t.Context(), bytes.NewReader(tt.raw), archive.ReadOptions{TempDir: temp}); !errors.Is(err, tt.want) {
				t.Errorf("Read: %v, want %v", err, tt.want)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("%v stays, %v", left, err)
			}
		})
	}
}

// layersOf returns an archive with so many images of so many layers.
func layersOf(t testing.TB, images, layers int) *builder {
	t.Helper()
	id := `"sha256:` + hash(nil) + `"`
	config := `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[` + id + strings.Repeat(","+id, layers-1) + `]}}`
	image := saved{Config: "c", Layers: slices.Repeat([]string{"0"}, layers)}
	return build(t).file("c", config).file("0", "").json("manifest.json", slices.Repeat([]saved{image}, images))
}

// What index.json names is looked at within bounds; what lies beyond is given a
// manifest of its own.
func TestKnownIsBounded(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{})
	config, l := partsOf(img)
	for others, made := range map[int]bool{1: false, 16: true} {
		b := build(t).blobs("", img).file("c", config).file("0", l[0]).
			json("manifest.json", []saved{{Config: "c", Layers: []string{"0"}}})
		entries := []v1.Descriptor{withNames(img.Root, "", "z")}
		for i := range others {
			doc := []byte(`{"schemaVersion":2,"manifests":[]` + strings.Repeat(" ", 4<<20-34-i) + "}" + strings.Repeat(" ", i))
			b.file("blobs/sha256/"+hash(doc), string(doc))
			entries = append(entries, withNames(manifest.Describe(types.OCIImageIndex, doc), "", fmt.Sprintf("a%d", i)))
		}
		raw := b.json("index.json", indexJSON("", entries...)).bytes()
		said := false
		a, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir(), As: archive.Docker, Events: func(e event.Event) {
			said = said || strings.Contains(e.Text, "holds no manifests")
		}})
		if err != nil {
			t.Fatal(err)
		}
		if said != made {
			t.Errorf("beside %d others: a manifest is made: %v", others, said)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The caller may leave while images are read.
func TestReadIsCancelled(t *testing.T) {
	config, l := partsOf(placetest.Image(t, placetest.ImageSpec{}))
	image := saved{Config: "c", Layers: []string{"0"}, RepoTags: []string{"Not/A/Name"}}
	raw := build(t).file("c", config).file("0", l[0]).json("manifest.json", []saved{image, image}).bytes()
	ctx, cancel := context.WithCancel(t.Context())
	o := archive.ReadOptions{TempDir: t.TempDir(), Events: func(e event.Event) {
		if e.Kind == event.Lost {
			cancel()
		}
	}}
	if _, err := archive.Read(ctx, bytes.NewReader(raw), o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// One name said again and again is one name.
func TestManyNames(t *testing.T) {
	config, l := partsOf(placetest.Image(t, placetest.ImageSpec{}))
	tags := make([]string, 8000)
	for i := range tags {
		tags[i] = fmt.Sprintf("example.com/app:%d", i)
	}
	image := saved{Config: "c.json", Layers: []string{"0.tar"}, RepoTags: append(tags, tags...)}
	raw := build(t).file("c.json", config).file("0.tar", l[0]).json("manifest.json", []saved{image, image}).bytes()
	a, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := a.List(t.Context(), func(place.Entry) error { n++; return nil }); err != nil || n != len(tags) {
		t.Errorf("%d names, %v", n, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestBomb(t *testing.T) {
	raw := packed(t, compress.Zstd, append(build(t).file("a", "").buf.Bytes(), make([]byte, 65<<20)...))
	if _, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir()}); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("Read: %v", err)
	}
}

func TestOpenRefusesPaths(t *testing.T) {
	dir := t.TempDir()
	if _, err := archive.Open(t.Context(), dir, archive.ReadOptions{}); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := archive.Open(t.Context(), filepath.Join(dir, "gone"), archive.ReadOptions{}); !errors.Is(err, place.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	img := placetest.Image(t, placetest.ImageSpec{})
	for _, form := range []archive.Form{archive.Docker, archive.OCI} {
		var buf bytes.Buffer
		if err := write(t.Context(), stream(t, &buf, archive.Options{As: form}), 0, named{img, []string{name}}); err != nil {
			t.Fatal(err)
		}
		for _, as := range []archive.Form{archive.Docker, archive.OCI} {
			a, err := archive.Read(t.Context(), bytes.NewReader(buf.Bytes()), archive.ReadOptions{As: as, TempDir: dir})
			if (err == nil) != (as == form) || err != nil && !errors.Is(err, place.ErrInvalid) {
				t.Errorf("%s read as %s: %v", form, as, err)
			}
			if err == nil {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Where digests are taken from names, the reader of the content notices a lie.
func TestLiesAreNoticed(t *testing.T) {
	img := placetest.Image(t, placetest.ImageSpec{Layers: []int{300, 700}})
	config, l := partsOf(img)
	other := string(packed(t, compress.Gzip, []byte("something else")))
	for what, b := range map[string]*builder{
		"uncompressed": build(t).file("c.json", config).file("0.tar", l[0]).file("1.tar", strings.ToUpper(l[1])).
			json("manifest.json", []saved{{Config: "c.json", Layers: []string{"0.tar", "1.tar"}}}),
		"named": build(t).file("c.json", config).file("0.tar", l[0]).file(hash([]byte(l[1]))+".tar.gz", other).
			json("manifest.json", []saved{{Config: "c.json", Layers: []string{"0.tar", hash([]byte(l[1])) + ".tar.gz"}}}),
	} {
		a, err := archive.Read(t.Context(), bytes.NewReader(b.bytes()), archive.ReadOptions{TempDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		root, err := a.Resolve(t.Context(), "")
		if err == nil {
			err = readTree(t.Context(), a, root, nil)
		}
		if !errors.Is(err, blob.ErrMismatch) {
			t.Errorf("%s: %v", what, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// One config named by many entries, and one layer hashed, are read once.
func TestManyEntriesOfOneImage(t *testing.T) {
	config, l := partsOf(placetest.Image(t, placetest.ImageSpec{Layers: []int{3 << 20}}))
	entries := make([]saved, 500)
	for i := range entries {
		entries[i] = saved{Config: "c.json", Layers: []string{"0"}}
	}
	raw := build(t).file("c.json", config[:len(config)-1]+strings.Repeat(" ", 2<<20)+"}").file("0", string(packed(t, compress.Gzip, []byte(l[0])))).
		json("manifest.json", entries).bytes()
	a, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Resolve(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	img := placetest.Image(f, placetest.ImageSpec{Layers: []int{10}})
	config, l := partsOf(img)
	f.Add(build(f).blobs("", img).json("index.json", indexJSON("", withNames(img.Root, name, "1.0"))).file("oci-layout", marker).bytes())
	f.Add(build(f).file("c", config).file("0", l[0]).symlink("1", "0").json("manifest.json", []saved{{Config: "c", Layers: []string{"1"}, RepoTags: []string{name}}}).bytes())
	f.Add(packed(f, compress.Gzip, build(f).json("index.json", indexJSON("")).bytes()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := archive.Read(t.Context(), bytes.NewReader(raw), archive.ReadOptions{TempDir: t.TempDir()})
		if err != nil {
			return
		}
		_ = a.List(t.Context(), func(e place.Entry) error {
			root, err := a.Resolve(t.Context(), "@"+e.Root.Digest.String())
			if err == nil {
				_ = readTree(t.Context(), a, root, nil) // must come to an end
			}
			return nil
		})
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}
