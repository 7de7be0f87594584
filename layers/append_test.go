package layers_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// folderOf makes a folder of "name:content" and "name/".
func folderOf(t testing.TB, entries ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, e := range entries {
		name, content, _ := strings.Cut(e, ":")
		path := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else if err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// on runs an edit, and returns the bench that holds the result.
func on(t testing.TB, src place.Source, run func(b *layers.Bench) (*layers.Result, error)) (*layers.Bench, *layers.Result) {
	t.Helper()
	b := layers.NewBench(src, t.TempDir())
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	res, err := run(b)
	if err != nil {
		t.Fatal(err)
	}
	return b, res
}

func additions(t testing.TB, specs ...string) (all []layers.Addition) {
	t.Helper()
	for _, s := range specs {
		a, err := layers.ParseAddition(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

func TestAppendFiles(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "bin->usr/bin usr/ usr/bin/ home/u/ etc/old:1 etc/sub/x:1 tmp/ abs->/usr")
	dir := folderOf(t, "one:1", "tree/bin/tool:t", "tree/home/u/f:f", "tree/skip/me:no", "tree/keep:k")
	o := layers.AppendOptions{
		EditOptions: layers.EditOptions{Options: options(t, nil)}, Time: time.Unix(0, 0), Compress: compress.Gzip, Message: "m",
		Add:    additions(t, dir+"/one:/bin/", dir+"/one:/abs/lib/new/one:4755:1:2", dir+"/tree:/:600"),
		Delete: []string{"/etc/old", "etc/sub"}, Ignore: []string{"skip", "!keep"},
	}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
	want := []string{
		"lrw-r--r-- 0 abs -> /usr", "lrw-r--r-- 0 bin -> usr/bin", "drwxr-xr-x 0 etc", "drwxr-xr-x 0 home", "drwxr-s--- 7 home/u", "-rw------- 0 home/u/f f", "-rw------- 0 keep k",
		"drwxr-s--- 7 tmp", "drwxr-s--- 7 usr", "drwxr-s--- 7 usr/bin", "-rw-r--r-- 0 usr/bin/one 1", "-rw------- 0 usr/bin/tool t",
		"drwxr-xr-x 0 usr/lib", "drwxr-xr-x 0 usr/lib/new", "-rwsr-xr-x 1 usr/lib/new/one 1",
	}
	if d := cmp.Diff(want, listing(t, b, res.Root)); d != "" {
		t.Error(d)
	}
	doc, config := read(t, b, res.Root)
	h := config.History[len(config.History)-1]
	if len(doc.Image.Layers) != 2 || len(config.History) != 2 || h.Comment != "m" || strings.Contains(h.CreatedBy, dir) || len(res.Changes) != 1 {
		t.Errorf("%+v %+v", config.History, res.Changes)
	}
	// Equal input from another place gives equal bytes.
	again := folderOf(t, "tree/keep:k", "tree/skip/me:other", "tree/home/u/f:f", "tree/bin/tool:t", "one:1")
	o.Add = additions(t, again+"/one:/bin/", again+"/one:/abs/lib/new/one:4755:1:2", again+"/tree:/:600")
	if _, other := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) }); other.Root.Digest != res.Root.Digest {
		t.Errorf("%s is not %s", other.Root.Digest, res.Root.Digest)
	}
}

func TestAppendRefuses(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "etc/passwd:x")
	file := filepath.Join(folderOf(t, "f:1"), "f")
	bad := filepath.Join(t.TempDir(), "bad.tar")
	if err := os.WriteFile(bad, tarOf(t, "../up"), 0o600); err != nil {
		t.Fatal(err)
	}
	arm := arch.Platform{OS: "linux", Architecture: "arm64"}
	refused := errors.New("refused")
	for name, o := range map[string]layers.AppendOptions{
		"delete what is not there":   {Delete: []string{"/none"}},
		"a folder that is a file":    {Add: additions(t, file+":/etc/passwd/x")},
		"no such file":               {Add: additions(t, file+"x:/x")},
		"a tar that climbs":          {Layers: []layers.LayerFile{{Path: bad}}},
		"no tar":                     {Layers: []layers.LayerFile{{Path: file}}},
		"a platform that is not":     {Layers: []layers.LayerFile{{Path: file, Platform: &arm}}},
		"the judge says no":          {Add: additions(t, file+":/x"), Judge: func(context.Context, place.Source, v1.Descriptor) error { return refused }},
		"a name that climbs is kept": {Delete: []string{".."}},
	} {
		o.Options = options(t, nil)
		b := layers.NewBench(m, t.TempDir())
		if _, err := b.Append(t.Context(), root, o); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "a", "a:", ":b", "a:b:9", "a:b:644:1", "a:b:644:x:1", "a:b:c:d:e:f"} {
		if _, err := layers.ParseAddition(s); err == nil {
			t.Errorf("%q passes", s)
		}
	}
}

func TestAppendToIndex(t *testing.T) {
	m := newMade(t)
	amd, arm := m.image("linux/amd64", v1.Config{}, "a"), m.image("linux/arm64", v1.Config{}, "b")
	root := m.index(map[string]string{"title": "x"}, amd, arm, m.attestation(amd))
	dir := t.TempDir()
	var files []layers.LayerFile
	for name, k := range map[string]compress.Kind{"plain.tar": compress.None, "gz": compress.Gzip, "zst": compress.Zstd} {
		var buf bytes.Buffer
		z, err := compress.NewWriter(&buf, k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write(tarOf(t, "from-"+name)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(z.Close(), os.WriteFile(filepath.Join(dir, name), buf.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	p := arch.Platform{OS: "linux", Architecture: "arm64"}
	files = []layers.LayerFile{{Path: filepath.Join(dir, "plain.tar")}, {Path: filepath.Join(dir, "gz")}, {Path: filepath.Join(dir, "zst"), Platform: &p}}
	for _, keep := range []bool{false, true} {
		var notes []string
		o := layers.AppendOptions{EditOptions: layers.EditOptions{Options: options(t, &notes), Keep: keep}, Layers: files, Compress: compress.Gzip}
		b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
		doc, _ := read(t, b, res.Root)
		entries := 2
		if keep {
			entries = 3
		}
		if len(doc.Index.Manifests) != entries || (len(doc.Index.Annotations) > 0) != keep || (len(notes) == 2) == keep || len(res.Changes) != 3 {
			t.Fatalf("keep %v: %s, %q, %+v", keep, doc.Raw, notes, res.Changes)
		}
		if keep && doc.Index.Manifests[2].Annotations["vnd.docker.reference.digest"] != doc.Index.Manifests[0].Digest.String() {
			t.Errorf("the attestation speaks of %q", doc.Index.Manifests[2].Annotations)
		}
		img, _ := read(t, b, doc.Index.Manifests[1])
		var kinds []types.MediaType
		for _, l := range img.Image.Layers {
			kinds = append(kinds, l.MediaType)
		}
		if d := cmp.Diff([]types.MediaType{types.OCILayer, types.OCILayer, types.OCILayer, types.OCILayerZStd}, kinds); d != "" {
			t.Error(d)
		}
		if got := listing(t, b, res.Root, "linux/arm64"); len(got) != 4 {
			t.Errorf("%q", got)
		}
	}
	// One platform of several becomes that image.
	o := layers.AppendOptions{EditOptions: layers.EditOptions{Options: options(t, nil, "linux/amd64")}, Layers: files[:1]}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
	if doc, _ := read(t, b, res.Root); doc.Image == nil || len(doc.Image.Layers) != 2 || doc.Image.Layers[1].MediaType != types.OCIUncompressedLayer {
		t.Errorf("%s", doc.Raw)
	}
}

func TestAppendToWindows(t *testing.T) {
	m := newMade(t)
	root := m.image("windows/amd64", v1.Config{}, "Files/ Files/Windows/ Hives/")
	dir := folderOf(t, "app.exe:MZ")
	plain := filepath.Join(t.TempDir(), "plain.tar")
	if err := os.WriteFile(plain, tarOf(t, "tool.exe:MZ"), 0o600); err != nil {
		t.Fatal(err)
	}
	var notes []string
	o := layers.AppendOptions{EditOptions: layers.EditOptions{Options: options(t, &notes)}, Add: additions(t, dir+`/app.exe:C:\windows\app.exe`), Layers: []layers.LayerFile{{Path: plain}}}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
	want := []string{"dr-xr-xr-x 0 Files", "drwxr-s--- 7 Files/Windows", "-rw-r--r-- 0 Files/Windows/app.exe MZ", "-rw-r--r-- 0 Files/tool.exe MZ", "dr-xr-xr-x 0 Hives"}
	if d := cmp.Diff(want, listing(t, b, res.Root)); d != "" {
		t.Error(d)
	}
	l, err := layers.Files(t.Context(), b, res.Root, layers.FilesOptions{Options: options(t, nil), Under: []string{"Files/Windows/app.exe"}})
	if err != nil || l.Files[0].Xattrs["MSWINDOWS.rawsd"] == "" || len(notes) != 1 {
		t.Errorf("%+v, %v, %q", l.Files, err, notes)
	}
}

// Far layers are not read for the sake of folders if they are large.
func TestParents(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "srv/", "x")
	doc, _ := read(t, m, root)
	file := filepath.Join(folderOf(t, "f:1"), "f")
	o := layers.AppendOptions{EditOptions: layers.EditOptions{Options: options(t, nil)}, Add: additions(t, file+":/srv/f")}
	o.Spool, o.Parents = true, layers.ParentsNone
	b, res := on(t, lacking{m, doc.Image.Layers[0].Digest}, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
	made, _ := read(t, b, res.Root)
	top := -1
	l, err := layers.Files(t.Context(), b, res.Root, layers.FilesOptions{Options: options(t, nil), Layer: &top})
	if err != nil || len(made.Image.Layers) != 3 || l.Layers[0].Entries != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	o.Parents = layers.ParentsAuto
	b, res = on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
	if got := listing(t, b, res.Root); got[0] != "drwxr-s--- 7 srv" {
		t.Errorf("%q", got)
	}
}

func TestMutate(t *testing.T) {
	m := newMade(t)
	root := m.index(nil, m.image("linux/amd64", v1.Config{Cmd: []string{"x"}}, "a"), m.image("linux/arm64", v1.Config{}, "b"))
	entrypoint := []string{"/e"}
	o := layers.MutateOptions{
		EditOptions: layers.EditOptions{Options: options(t, nil)}, Edit: settings.Edit{Entrypoint: &entrypoint}, Annotations: []string{"a=b"}, UnsetAnnotations: []string{"c"},
	}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Mutate(t.Context(), root, o) })
	doc, _ := read(t, b, res.Root)
	img, config := read(t, b, doc.Index.Manifests[0])
	if doc.Index.Annotations["a"] != "b" || img.Image.Annotations["a"] != "b" || config.Config.Cmd[0] != "x" || config.Config.Entrypoint[0] != "/e" || len(res.Changes[0].Settings) != 1 {
		t.Errorf("%s %s %+v %+v", doc.Raw, img.Raw, config.Config, res.Changes)
	}
	// Nothing new is nothing changed.
	o = layers.MutateOptions{EditOptions: o.EditOptions, Edit: settings.Edit{UnsetEnv: []string{"NONE"}}}
	if _, res = on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Mutate(t.Context(), root, o) }); res.Root.Digest != root.Digest || len(res.Changes) > 0 {
		t.Errorf("%+v", res)
	}
}

// Layers with files that are newer are written anew, others keep their digest.
func TestMutateTime(t *testing.T) {
	m := newMade(t)
	dir := folderOf(t, "new:1")
	root := m.image("linux/amd64", v1.Config{}, "old")
	o := layers.AppendOptions{EditOptions: layers.EditOptions{Options: options(t, nil)}, Add: additions(t, dir+"/new:/new"), Time: time.Unix(2000, 0), SetCreated: true}
	b, res := on(t, m, func(b *layers.Bench) (*layers.Result, error) { return b.Append(t.Context(), root, o) })
	at := time.Unix(1000, 0)
	mo := layers.MutateOptions{EditOptions: layers.EditOptions{Options: options(t, nil)}, Time: &at}
	b2, res2 := on(t, b, func(b *layers.Bench) (*layers.Result, error) { return b.Mutate(t.Context(), res.Root, mo) })
	before, _ := read(t, b, res.Root)
	after, config := read(t, b2, res2.Root)
	if before.Image.Layers[0].Digest != after.Image.Layers[0].Digest || before.Image.Layers[1].Digest == after.Image.Layers[1].Digest {
		t.Errorf("%s\n%s", before.Raw, after.Raw)
	}
	l, err := layers.Files(t.Context(), b2, res2.Root, layers.FilesOptions{Options: options(t, nil), Under: []string{"new"}})
	if err != nil || !l.Files[0].Modified.Equal(at) || !config.Created.Equal(at) || !config.History[1].Created.Equal(at) {
		t.Errorf("%+v %v %+v", l, err, config)
	}
}
