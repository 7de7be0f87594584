package layers_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
)

func TestFiles(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "bin->usr/bin usr/bin/sh:shell etc/ etc/a:12345 etc/b:12345 etc/c:123", "etc/a:1234567 etc/.wh.b etc/c:123 h=usr/bin/sh")
	want := []string{
		"lrw-r--r-- 0 bin -> usr/bin", "drwxr-s--- 7 etc", "-rw-r--r-- 0 etc/a 1234567", "-rw-r--r-- 0 etc/c 123", "-rw-r--r-- 0 h shell",
		"drwxr-xr-x 0 usr", "drwxr-xr-x 0 usr/bin", "-rw-r--r-- 0 usr/bin/sh -> h",
	}
	if d := cmp.Diff(want, listing(t, m, root)); d != "" {
		t.Error(d)
	}
	l, err := layers.Files(t.Context(), m, root, layers.FilesOptions{Options: options(t, nil), Under: []string{"/etc"}})
	if err != nil || len(l.Files) != 3 || len(l.Layers) != 2 {
		t.Errorf("%+v, %v", l, err)
	}
	// The smallest of a is 5, nothing is left of b, c is twice the same: 5+5+0+3 of 5+5+7+5+3+3.
	w := &layers.Waste{Total: 28, Bytes: 13, Efficiency: 13.0 / 28, Files: []layers.WastedFile{
		{"etc/a", 5, 0, 1, "replaced"}, {"etc/b", 5, 0, 1, "deleted"}, {"etc/c", 3, 0, 1, "duplicate"},
	}}
	if d := cmp.Diff(w, l.Waste); d != "" {
		t.Error(d)
	}
	top := -1
	l, err = layers.Files(t.Context(), m, root, layers.FilesOptions{Options: options(t, nil), Layer: &top})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range l.Files {
		got = append(got, f.Type+" "+f.Path)
	}
	if d := cmp.Diff([]string{"folder etc", "file etc/a", "whiteout etc/b", "file etc/c", "hardlink h"}, got); d != "" {
		t.Error(d)
	}
	top = 2
	for name, o := range map[string]layers.FilesOptions{"layer": {Layer: &top}, "path": {Under: []string{"none"}}} {
		o.Options = options(t, nil)
		if _, err := layers.Files(t.Context(), m, root, o); !errors.Is(err, place.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCat(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "etc/link->../usr/x usr/x:old low:deep dir/", "usr/x:new", "top:top d=low")
	for name, want := range map[string]string{"/etc/link": "new", "top": "top", "d": "deep", "low": "deep", "../low": "deep"} {
		var buf bytes.Buffer
		if err := layers.Cat(t.Context(), m, root, name, &buf, options(t, nil)); err != nil || buf.String() != want {
			t.Errorf("%s: %q, %v", name, buf.String(), err)
		}
	}
	if err := layers.Cat(t.Context(), m, root, "none", io.Discard, options(t, nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, name := range []string{"dir", "/"} {
		if err := layers.Cat(t.Context(), m, root, name, io.Discard, options(t, nil)); err == nil {
			t.Errorf("%s is a file", name)
		}
	}
	// Only the top layer is needed for what stands there.
	doc, _ := read(t, m, root)
	if err := layers.Cat(t.Context(), lacking{m, doc.Image.Layers[0].Digest}, root, "top", io.Discard, options(t, nil)); err != nil {
		t.Error(err)
	}
}

// lacking is a source without one blob.
type lacking struct {
	place.Source
	without v1.Hash
}

func (l lacking) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == l.without {
		return nil, place.ErrNotFound
	}
	return l.Source.Open(ctx, d)
}

// Nothing is let through that does not match its digest.
func TestDamagedLayer(t *testing.T) {
	m := newMade(t)
	root := m.image("linux/amd64", v1.Config{}, "a:content")
	doc, _ := read(t, m, root)
	src := other{m, doc.Image.Layers[0].Digest, tarOf(t, "a:forged!")}
	for _, spool := range []bool{false, true} {
		o := options(t, nil)
		o.Spool = spool
		var buf bytes.Buffer
		if err := layers.Cat(t.Context(), src, root, "a", &buf, o); !errors.Is(err, blob.ErrMismatch) || buf.Len() > 0 {
			t.Errorf("%q, %v", buf.String(), err)
		}
		if left, err := os.ReadDir(o.TempDir); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	}
}

// other has other bytes for one blob.
type other struct {
	place.Source
	digest v1.Hash
	raw    []byte
}

func (s other) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == s.digest {
		return io.NopCloser(bytes.NewReader(s.raw)), nil
	}
	return s.Source.Open(ctx, d)
}

func TestExport(t *testing.T) {
	m := newMade(t)
	root := m.index(nil, m.image("linux/amd64", v1.Config{}, "a b", ".wh.a c=b"), m.image("linux/arm64", v1.Config{}, "arm"))
	for platform, want := range map[string]string{"": "[b c]", "linux/arm64": "[arm]"} {
		var first []byte
		for _, spool := range []bool{false, true} {
			var notes []string
			o := options(t, &notes)
			if platform != "" {
				o = options(t, &notes, platform)
			}
			o.Spool = spool
			var buf bytes.Buffer
			w := merge.NewTarWriter(&buf)
			if err := errors.Join(layers.Export(t.Context(), m, root, w, o), w.Close()); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = buf.Bytes()
			}
			if got := fmt.Sprint(namesOf(t, buf.Bytes())); got != want || !bytes.Equal(first, buf.Bytes()) {
				t.Errorf("%q: %s, want %s", platform, got, want)
			}
			if (len(notes) == 1) != (platform == "") {
				t.Errorf("%q: notes %q", platform, notes)
			}
		}
	}
	w := merge.NewTarWriter(io.Discard)
	if err := layers.Export(t.Context(), m, root, w, options(t, nil, "all")); !errors.Is(err, layers.ErrSeveral) {
		t.Error(err)
	}
}

func namesOf(t *testing.T, raw []byte) (names []string) {
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

func TestDiff(t *testing.T) {
	m := newMade(t)
	a := m.image("linux/amd64", v1.Config{Env: []string{"A=1"}}, "base:1 d/", "x:1 gone:1 kind:1 meta:1")
	b := m.image("linux/amd64", v1.Config{Env: []string{"A=2"}}, "base:1 d/", "x:22 new:123 kind->x meta/ base:1")
	d, err := layers.Diff(t.Context(), m, a, m, b, layers.DiffOptions{Options: options(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	want := []layers.FileChange{
		{"gone", "removed", 1, 0, nil},
		{"kind", "changed", 1, 0, []string{"type", "link"}},
		{"meta", "changed", 1, 0, []string{"type", "mode", "owner"}},
		{"new", "added", 0, 3, nil},
		{"x", "changed", 1, 2, []string{"content"}},
	}
	if diff := cmp.Diff(want, d.Files); diff != "" {
		t.Error(diff)
	}
	if len(d.Layers) != 3 || d.Layers[0].Kind != "same" || d.Layers[1].Kind != "removed" || d.Layers[2].Kind != "added" || len(d.Config) != 1 || d.Same {
		t.Errorf("%+v", d)
	}
	if d.After.Waste.Bytes != 1 || d.After.Waste.Files[0].Why != "duplicate" {
		t.Errorf("%+v", d.After.Waste)
	}
	if d, err = layers.Diff(t.Context(), m, a, m, a, layers.DiffOptions{Options: options(t, nil)}); err != nil || !d.Same {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = layers.Diff(t.Context(), m, a, m, b, layers.DiffOptions{Options: options(t, nil), MetaOnly: true}); err != nil || d.Same || len(d.Files) > 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestTree(t *testing.T) {
	m := newMade(t)
	amd := m.image("linux/amd64", v1.Config{}, "a")
	gone := amd
	gone.Digest.Hex, gone.Platform = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", &v1.Platform{OS: "linux", Architecture: "arm64"}
	root := m.index(nil, amd, m.attestation(amd), gone)
	b, err := layers.Tree(t.Context(), m, root)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var say func(b *layers.Branch, in string)
	say = func(b *layers.Branch, in string) {
		lines = append(lines, fmt.Sprint(in, b.Kind, " ", b.Platform, " ", b.Missing))
		for _, kid := range b.Children {
			say(kid, in+" ")
		}
	}
	say(b, "")
	want := []string{
		"index  false", " image linux/amd64 false", "  config  false", "  layer  false",
		" attestation unknown/unknown false", "  config  false", " image linux/arm64 true",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
}

func ExampleFiles() {
	src := new(mem.Place) // any source will do: a registry, an archive, a layout
	root, err := src.Resolve(context.Background(), "app")
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := layers.Files(context.Background(), src, root, layers.FilesOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range l.Files {
		fmt.Println(f.Mode, f.Size, f.Path)
	}
	// Output: "app": not found
}

func FuzzParseAddition(f *testing.F) {
	f.Add("a:/b:644:1:2")
	f.Add(`a:C:\b`)
	f.Fuzz(func(t *testing.T, s string) {
		a, err := layers.ParseAddition(s)
		if err == nil && (a.Source == "" || a.Dest == "" || a.UID < 0 || a.Mode != nil && *a.Mode > 0o7777) {
			t.Errorf("%q is %+v", s, a)
		}
	})
}
