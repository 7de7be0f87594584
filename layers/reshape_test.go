package layers_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/folder"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/place"
)

func TestFlatten(t *testing.T) {
	m := newMade(t)
	img := m.image("linux/amd64", v1.Config{}, "a d/ d/x gone keep/ keep/x", "b=a d/.wh..wh..opq d/y", ".wh.gone a:new keep/y")
	root := m.index(nil, img, m.image("linux/arm64", v1.Config{}, "x", "y"))
	want := listing(t, m, root, "linux/amd64")
	for _, from := range []int{0, 1} {
		o := layers.FlattenOptions{EditOptions: layers.EditOptions{Options: options(t, nil, "linux/amd64")}, From: from, Compress: compress.Zstd}
		if from == 1 { // a hard link to a lower layer cannot stand in a layer of its own
			if _, err := layers.NewBench(m, t.TempDir()).Flatten(t.Context(), root, o); !errors.Is(err, place.ErrInvalid) && err == nil {
				t.Error(err)
			}
			continue
		}
		b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Flatten(t.Context(), root, o) })
		doc, config := read(t, b, res.Root)
		if len(doc.Image.Layers) != 1 || len(config.RootFS.DiffIDs) != 1 || len(config.History) != 4 || !config.History[0].EmptyLayer || doc.Image.Layers[0].MediaType != types.OCILayerZStd {
			t.Errorf("%s %+v", doc.Raw, config.History)
		}
		if d := cmp.Diff(want, listing(t, b, res.Root)); d != "" {
			t.Error(d)
		}
	}
	// From a layer on: what it hid of lower ones stays hidden, and their folders stay as they are.
	img = m.image("linux/amd64", v1.Config{}, "a d/ d/x gone keep/ keep/x", "d/.wh..wh..opq d/y", ".wh.gone a:new keep/y")
	o := layers.FlattenOptions{EditOptions: layers.EditOptions{Options: options(t, nil)}, From: 1, Compress: compress.Gzip}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Flatten(t.Context(), img, o) })
	doc, _ := read(t, b, res.Root)
	if d := cmp.Diff(listing(t, m, img), listing(t, b, res.Root)); d != "" || len(doc.Image.Layers) != 2 {
		t.Errorf("%s %s", d, doc.Raw)
	}
	for from, img := range map[int]v1.Descriptor{7: img, 0: m.image("windows/amd64", v1.Config{}, "Files/", "Files/x")} {
		o.From = from
		if _, err := layers.NewBench(m, t.TempDir()).Flatten(t.Context(), img, o); err == nil {
			t.Errorf("from %d: no error", from)
		}
	}
}

func TestConvert(t *testing.T) {
	m := newMade(t)
	amd, arm := m.image("linux/amd64", v1.Config{}, "base", "a"), m.image("linux/arm64", v1.Config{}, "base", "b")
	root := m.index(map[string]string{"a": "b"}, amd, arm)
	zstd, gzip := compress.Zstd, compress.Gzip
	o := layers.ConvertOptions{EditOptions: layers.EditOptions{Options: options(t, nil)}, Compress: &zstd}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Convert(t.Context(), root, o) })
	doc, _ := read(t, b, res.Root)
	img, config := read(t, b, doc.Index.Manifests[1])
	_, before := read(t, m, arm)
	// Three layers, of which one is shared, two images, and the index.
	if len(res.Changes) != 6 || img.Image.Layers[0].MediaType != types.OCILayerZStd || img.Image.Config.Digest != mustImage(t, m, arm).Config.Digest || doc.Index.Annotations["a"] != "b" {
		t.Errorf("%+v %s", res.Changes, img.Raw)
	}
	if d := cmp.Diff(before, config); d != "" {
		t.Error(d)
	}
	docker := layers.ConvertOptions{EditOptions: o.EditOptions, To: layers.Docker}
	if _, err := layers.NewBench(b, t.TempDir()).Convert(t.Context(), res.Root, docker); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("zstd for Docker: %v", err)
	}
	docker.Compress = &gzip
	d, dres := on(t, b, func(b *layers.Bench) (*layers.Result, error) { return b.Convert(t.Context(), res.Root, docker) })
	list, _ := read(t, d, dres.Root)
	img, _ = read(t, d, list.Index.Manifests[0])
	if list.Descriptor.MediaType != types.DockerManifestList || img.Descriptor.MediaType != types.DockerManifestSchema2 || img.Image.Layers[0].MediaType != types.DockerLayer || img.Image.Config.MediaType != types.DockerConfigJSON {
		t.Errorf("%s %s", list.Raw, img.Raw)
	}
	// And back: the layers are those that there were, gzip is written in one way only.
	oci := layers.ConvertOptions{EditOptions: o.EditOptions, To: layers.OCI}
	back, bres := on(t, d, func(b *layers.Bench) (*layers.Result, error) { return b.Convert(t.Context(), dres.Root, oci) })
	list, _ = read(t, back, bres.Root)
	if got := mustImage(t, back, list.Index.Manifests[0]); got.Layers[1].Digest != mustImage(t, m, amd).Layers[1].Digest || got.MediaType != types.OCIManifestSchema1 {
		t.Errorf("%+v", got)
	}
	if _, same := on(t, back, func(b *layers.Bench) (*layers.Result, error) { return b.Convert(t.Context(), bres.Root, oci) }); same.Root.Digest != bres.Root.Digest {
		t.Error("what is OCI already changes")
	}
}

func mustImage(t *testing.T, src place.Source, d v1.Descriptor) *v1.Manifest {
	t.Helper()
	doc, _ := read(t, src, d)
	return doc.Image
}

func TestRebase(t *testing.T) {
	m, far := newMade(t), newMade(t)
	oldBase := m.image("linux/amd64", v1.Config{Env: []string{"PATH=/bin", "V=1", "GONE=1"}, Cmd: []string{"sh"}, Labels: map[string]string{"v": "1"}}, "base:1")
	newBase := far.index(nil,
		far.image("linux/amd64", v1.Config{Env: []string{"PATH=/usr/bin", "V=2", "NEW=1"}, Cmd: []string{"bash"}, Labels: map[string]string{"v": "2"}, User: "7"}, "base:2", "more"),
		far.image("linux/arm64", v1.Config{}, "arm"))
	app := m.image("linux/amd64", v1.Config{Env: []string{"PATH=/bin", "V=mine", "APP=1", "GONE=1"}, Cmd: []string{"sh"}, Entrypoint: []string{"/app"}, Labels: map[string]string{"v": "1", "app": "x"}}, "base:1", "app")
	o := layers.RebaseOptions{
		EditOptions: layers.EditOptions{Options: options(t, nil)}, Old: layers.Base{Source: m, Root: oldBase}, New: layers.Base{Source: far, Root: newBase, Name: "new:1"},
	}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Rebase(t.Context(), app, o) })
	doc, config := read(t, b, res.Root)
	want := v1.Config{Env: []string{"PATH=/usr/bin", "V=mine", "NEW=1", "APP=1"}, Cmd: []string{"bash"}, Entrypoint: []string{"/app"}, User: "7", Labels: map[string]string{"v": "2", "app": "x"}}
	if d := cmp.Diff(want, config.Config); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"-rw-r--r-- 0 app app", "-rw-r--r-- 0 base 2", "-rw-r--r-- 0 more more"}, listing(t, b, res.Root)); d != "" {
		t.Error(d)
	}
	if len(config.History) != 3 || doc.Image.Annotations[layers.AnnotationBaseName] != "new:1" {
		t.Errorf("%+v %+v", config.History, doc.Image.Annotations)
	}
	if name, digest, err := layers.BaseOf(t.Context(), b, res.Root, o.Options); err != nil || name != "new:1" || digest == "" {
		t.Errorf("%s %s %v", name, digest, err)
	}
	o.Old.Root = m.image("linux/amd64", v1.Config{}, "other")
	if _, err := layers.NewBench(m, t.TempDir()).Rebase(t.Context(), app, o); !errors.Is(err, layers.ErrNotBase) {
		t.Error(err)
	}
	var missing *arch.MissingError
	o.Old.Root = m.image("linux/s390x", v1.Config{}, "base:1")
	if _, err := layers.NewBench(m, t.TempDir()).Rebase(t.Context(), app, o); !errors.As(err, &missing) {
		t.Error(err)
	}
}

func TestIndex(t *testing.T) {
	m, far := newMade(t), newMade(t)
	amd := m.image("linux/amd64", v1.Config{}, "a")
	arm := far.image("linux/arm64", v1.Config{}, "b")
	armIndex := far.index(map[string]string{"far": "1"}, arm, far.attestation(arm))
	parts := []layers.Part{{Source: m, Root: amd, Name: "amd"}, {Source: far, Root: armIndex, Name: "arm"}}
	o := layers.IndexOptions{Options: options(t, nil), Annotations: []string{"k=v"}}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.JoinIndex(t.Context(), nil, parts, o) })
	doc, _ := read(t, b, res.Root)
	if len(doc.Index.Manifests) != 3 || fmt.Sprint(doc.Index.Annotations) != "map[k:v]" || doc.Index.Manifests[1].Platform.Architecture != "arm64" {
		t.Errorf("%s", doc.Raw)
	}
	if got := listing(t, b, res.Root, "linux/arm64"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	// One more, one less, some.
	riscv := far.image("linux/riscv64", v1.Config{}, "c")
	base := layers.Part{Source: b, Root: res.Root, Name: "base"}
	more, mres := on(t, b, func(b2 *layers.Bench) (*layers.Result, error) {
		return b2.JoinIndex(t.Context(), &base, []layers.Part{{Source: far, Root: riscv, Name: "riscv"}}, layers.IndexOptions{Options: options(t, nil), NoAttestations: true})
	})
	if doc, _ := read(t, more, mres.Root); len(doc.Index.Manifests) != 3 || doc.Index.Annotations["k"] != "v" {
		t.Errorf("%s", doc.Raw)
	}
	less, lres := on(t, b, func(b2 *layers.Bench) (*layers.Result, error) {
		return b2.CutIndex(t.Context(), base, layers.IndexOptions{Options: options(t, nil)}, func(e image.Entry) bool { return e.Platform.Architecture != "amd64" })
	})
	if doc, _ := read(t, less, lres.Root); len(doc.Index.Manifests) != 2 {
		t.Errorf("%s", doc.Raw)
	}
	same, sres := on(t, b, func(b2 *layers.Bench) (*layers.Result, error) {
		return b2.CutIndex(t.Context(), base, layers.IndexOptions{Options: options(t, nil, "linux/arm64")}, nil)
	})
	if doc, _ := read(t, same, sres.Root); sres.Root.Digest != lres.Root.Digest || doc.Index == nil {
		t.Errorf("%s", doc.Raw)
	}
	// Refused: twice one platform, a label that lies, nothing left.
	var duplicate *layers.DuplicateError
	twice := append(parts, layers.Part{Source: m, Root: m.image("linux/amd64", v1.Config{}, "other"), Name: "twice"})
	if _, err := layers.NewBench(m, "").JoinIndex(t.Context(), nil, twice, o); !errors.As(err, &duplicate) {
		t.Error(err)
	}
	amd.Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
	liar := layers.Part{Source: m, Root: m.index(nil, amd), Name: "liar"}
	if _, err := layers.NewBench(m, "").JoinIndex(t.Context(), nil, []layers.Part{liar}, o); !errors.Is(err, place.ErrInvalid) {
		t.Error(err)
	}
	if _, err := layers.NewBench(b, "").CutIndex(t.Context(), base, o, func(image.Entry) bool { return false }); !errors.Is(err, place.ErrNotFound) {
		t.Error(err)
	}
}

// Out into a folder, changed there, and in again.
func TestCommit(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "a:1 b:1 c:1 d/ d/x:1 d/y:1 gone/ gone/z l->a h=b etc/ etc/passwd:p")
	dir := filepath.Join(t.TempDir(), "rootfs")
	err := folder.Create(dir, func(r *os.Root) error {
		w := folder.NewWriter(r)
		return errors.Join(layers.Export(t.Context(), m, root, w, options(t, nil)), w.Finish())
	})
	if err != nil {
		t.Fatal(err)
	}
	// Most of the entries above say nothing of owners, those of folders do: as if not root.
	o := layers.CommitOptions{Options: options(t, nil), Message: "m", Compress: compress.Gzip, IgnoreOwners: true, Time: time.Unix(0, 0)}
	if _, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Commit(t.Context(), root, dir, o) }); res.Root.Digest != root.Digest {
		t.Errorf("nothing was changed, and yet %+v", res.Changes)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, "a"), []byte("2"), 0o644),
		os.WriteFile(filepath.Join(dir, "d", "new"), []byte("n"), 0o600),
		os.Chtimes(filepath.Join(dir, "etc", "passwd"), time.Now(), time.Now()),
		os.RemoveAll(filepath.Join(dir, "gone")),
		os.Remove(filepath.Join(dir, "d", "x")),
		os.Remove(filepath.Join(dir, "l")),
		os.Symlink("b", filepath.Join(dir, "l")),
		os.Link(filepath.Join(dir, "c"), filepath.Join(dir, "c2")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"-rw-r--r-- 0 a 2", "-rw-r--r-- 0 b 1", "-rw-r--r-- 0 c 1", "-rw-r--r-- 0 c2 -> c", "drwxr-s--- 7 d", "-rw------- 0 d/new n", "-rw-r--r-- 0 d/y 1",
		"drwxr-s--- 7 etc", "-rw-r--r-- 0 etc/passwd p", "-rw-r--r-- 0 h -> b", "lrwxrwxrwx 0 l -> b",
	}
	o.Edit = settings.Edit{Env: []string{"A=1"}}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Commit(t.Context(), root, dir, o) })
	if d := cmp.Diff(want, listing(t, b, res.Root)); d != "" {
		t.Error(d)
	}
	_, config := read(t, b, res.Root)
	if len(config.Config.Env) != 1 || config.History[1].Comment != "m" {
		t.Errorf("%+v", config)
	}
	top := -1
	l, err := layers.Files(t.Context(), b, res.Root, layers.FilesOptions{Options: options(t, nil), Layer: &top})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range l.Files {
		got = append(got, f.Type+" "+f.Path)
	}
	if d := cmp.Diff([]string{"file a", "file c", "hardlink c2", "folder d", "file d/new", "whiteout d/x", "whiteout gone", "symlink l"}, got); d != "" {
		t.Error(d)
	}
	if err := os.WriteFile(filepath.Join(dir, ".wh.x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := layers.NewBench(m, t.TempDir()).Commit(t.Context(), root, dir, o); err == nil {
		t.Error("a whiteout passes for a file")
	}
}
