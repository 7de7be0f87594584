package rootfs_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

// pack makes a tar of entries: "dir/" a folder, "a->b" a symlink, "a=b" a hard link, else a
// file whose content is a "#!" line that names itself and the layer.
func pack(t testing.TB, layer int, entries ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		content := ""
		h := &tar.Header{Name: e, Typeflag: tar.TypeReg, Mode: 0o755}
		if name, target, ok := strings.Cut(e, "->"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if name, target, ok := strings.Cut(e, "="); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeLink
		} else if strings.HasSuffix(e, "/") {
			h.Typeflag = tar.TypeDir
		} else {
			content = fmt.Sprintf("#!%s@%d\n", e, layer)
			h.Size = int64(len(content))
		}
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

// tree makes the tree of layers, each a list of entries parted by spaces, from the bottom;
// "?" is a layer that was not read.
func tree(t testing.TB, layers ...string) *rootfs.Tree {
	t.Helper()
	var read []*rootfs.Layer
	for i, l := range layers {
		if l == "?" {
			read = append(read, nil)
			continue
		}
		layer, err := rootfs.Read(t.Context(), bytes.NewReader(pack(t, i, strings.Fields(l)...)), rootfs.Options{Exe: new(exe.Reader), Budget: new(rootfs.Budget)})
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, layer)
	}
	return rootfs.New(read, false)
}

// lookup says what name leads to: the file that was put there, and by which layer.
func lookup(tr *rootfs.Tree, name string) string {
	f, err := tr.Lookup(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "none"
	case errors.Is(err, rootfs.ErrLoop):
		return "loop"
	case errors.Is(err, rootfs.ErrUnread):
		return "unread"
	case err != nil:
		return err.Error()
	case f.Node.Exe != nil:
		return f.Node.Exe.Interp
	case f.Node.Kind == rootfs.Dir || f.Node.Kind == rootfs.Implied:
		return "folder"
	}
	return "other"
}

func TestLookup(t *testing.T) {
	for name, tt := range map[string]struct {
		layers []string
		want   map[string]string
	}{
		"plain": {
			[]string{"bin/ bin/sh etc/passwd", "bin/ls"},
			map[string]string{"bin/sh": "bin/sh@0", "/bin//./ls": "bin/ls@1", "etc": "folder", "bin/none": "none", "bin/sh/x": "none", "": "folder", "/": "folder"},
		},
		"upper hides": {[]string{"a b", "a"}, map[string]string{"a": "a@1", "b": "b@0"}},
		"whiteout":    {[]string{"d/a d/b", "d/.wh.a"}, map[string]string{"d/a": "none", "d/b": "d/b@0"}},
		"whiteout of a folder": {
			[]string{"d/a d/e/f", ".wh.d", "d/b"},
			map[string]string{"d/a": "none", "d/e/f": "none", "d/b": "d/b@2"},
		},
		"whiteout and file in one layer": {
			[]string{"a b", ".wh.a a b .wh.b"},
			map[string]string{"a": "a@1", "b": "b@1"},
		},
		"whiteout and folder in one layer": {
			[]string{"d/a", "d/b .wh.d d/"},
			map[string]string{"d/a": "none", "d/b": "d/b@1"},
		},
		"opaque": {
			[]string{"d/a d/e/f", "d/c d/.wh..wh..opq", "d/g"},
			map[string]string{"d/a": "none", "d/e/f": "none", "d/c": "d/c@1", "d/g": "d/g@2"},
		},
		"opaque root":              {[]string{"a", ".wh..wh..opq b"}, map[string]string{"a": "none", "b": "b@1"}},
		"marks of AUFS":            {[]string{"a", ".wh..wh.plnk/ .wh..wh.aufs .wh."}, map[string]string{"a": "a@0"}},
		"file for folder":          {[]string{"d/a", "d", "d/ d/b"}, map[string]string{"d/a": "none", "d/b": "d/b@2"}},
		"folder for file":          {[]string{"d", "d/ d/a"}, map[string]string{"d/a": "d/a@1", "d": "folder"}},
		"unlisted folder for file": {[]string{"d", "d/a"}, map[string]string{"d/a": "d/a@1", "d": "folder"}},
		"symlinks": {
			[]string{"usr/bin/sh bin->usr/bin lib->/usr/lib usr/lib/x up->../../usr/bin/../lib/x rel/a->b rel/b"},
			map[string]string{"bin/sh": "usr/bin/sh@0", "lib/x": "usr/lib/x@0", "up": "usr/lib/x@0", "rel/a": "rel/b@0", "bin/../lib/x": "usr/lib/x@0"},
		},
		"folder replaced by symlink": {
			[]string{"lib/ lib/old usr/lib/new", "lib->usr/lib"},
			map[string]string{"lib/old": "none", "lib/new": "usr/lib/new@0"},
		},
		"symlink replaced by folder": {
			[]string{"lib->usr/lib usr/lib/a", "lib/ lib/b"},
			map[string]string{"lib/a": "none", "lib/b": "lib/b@1"},
		},
		"unlisted folder over symlink": { // Docker: a folder; containerd: the link is followed
			[]string{"lib->usr/lib usr/lib/a", "lib/b"},
			map[string]string{"lib/a": "usr/lib/a@0", "lib/b": "lib/b@1"},
		},
		"dangling": {[]string{"a->b c->/../../etc"}, map[string]string{"a": "none", "c": "none"}},
		"loops":    {[]string{"a->b b->a c->c d->d/x"}, map[string]string{"a": "loop", "c/x": "loop", "d": "loop"}},
		"hard links": {
			[]string{"a b=a", "a c=b d=./gone", "e=a"},
			map[string]string{"a": "a@1", "b": "a@0", "c": "a@0", "d": "none", "e": "a@1"},
		},
		"hard link to what is replaced in its layer": {[]string{"a b=a a"}, map[string]string{"b": "a@0"}},
		"hard link to a symlink":                     {[]string{"t a->t b=a"}, map[string]string{"b": "t@0"}},
		"hard link to itself":                        {[]string{"a=a"}, map[string]string{"a": "loop"}},
		"names that climb":                           {[]string{"../a b/../../c ok"}, map[string]string{"a": "none", "c": "none", "ok": "ok@0"}},
		"unread below": {
			[]string{"?", "bin/ bin/a x/.wh..wh..opq y/b .wh.gone"},
			map[string]string{"bin/a": "bin/a@1", "bin/b": "unread", "etc/b": "unread", "x/b": "none", "y/b": "y/b@1", "gone": "none", "gone/x": "none"},
		},
		"unread between": {
			[]string{"a b", "?", "a"},
			map[string]string{"a": "a@2", "b": "unread"},
		},
	} {
		tr := tree(t, tt.layers...)
		for path, want := range tt.want {
			if got := lookup(tr, path); got != want {
				t.Errorf("%s: %s is %s, want %s", name, path, got, want)
			}
		}
	}
}

func TestExecutables(t *testing.T) {
	tr := tree(t, "bin/a bin/b lib/c d/e", "bin/a .wh.d lib->bin", "lib/ f=bin/a")
	var got []string
	for _, f := range tr.Executables() {
		got = append(got, fmt.Sprintf("%s:%s", f.Path, f.Node.Exe.Interp))
	}
	if want := "[bin/a:bin/a@1 bin/b:bin/b@0]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	absent := tr.Absent(map[string]bool{"a": true, "c": true, "e": true, "f": true, "zz": true})
	if want := "[c e zz]"; fmt.Sprint(absent) != want {
		t.Errorf("absent: %v, want %s", absent, want)
	}
}

func TestFold(t *testing.T) {
	l, err := rootfs.Read(t.Context(), bytes.NewReader(pack(t, 0, "Files/Windows/System32/CMD.exe")), rootfs.Options{Exe: new(exe.Reader)})
	if err != nil {
		t.Fatal(err)
	}
	for fold, want := range map[bool]string{true: "Files/Windows/System32/CMD.exe@0", false: "none"} {
		if got := lookup(rootfs.New([]*rootfs.Layer{l}, fold), "Files/windows/system32/cmd.exe"); got != want {
			t.Errorf("fold %v: %s, want %s", fold, got, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	good := pack(t, 0, "a", "b")
	for name, raw := range map[string][]byte{"no tar": bytes.Repeat([]byte("x"), 1024), "cut": good[:1200], "cut in a file": good[:515]} {
		if l, err := rootfs.Read(t.Context(), bytes.NewReader(raw), rootfs.Options{Exe: new(exe.Reader)}); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
	l, err := rootfs.Read(t.Context(), bytes.NewReader(pack(t, 0, "../a", "b/../../c", "ok")), rootfs.Options{})
	if err != nil || l.Entries != 3 || fmt.Sprint(l.Refused) != "[../a b/../../c]" {
		t.Errorf("%+v, %v", l, err)
	}
}

// The tables of all layers together are bounded.
func TestBudget(t *testing.T) {
	b := &rootfs.Budget{MaxBytes: 1000}
	raw := pack(t, 0, "a", "b=c") // some 370 bytes with the root
	read := func() (*rootfs.Layer, error) {
		return rootfs.Read(t.Context(), bytes.NewReader(raw), rootfs.Options{Budget: b})
	}
	var first *rootfs.Layer
	for i := range 5 {
		l, err := read()
		if (err != nil) != (i == 4) || err != nil && !errors.Is(err, rootfs.ErrTooLarge) {
			t.Fatalf("%d: %v", i, err)
		}
		if i == 0 {
			first = l
		}
	}
	b.Release(first)
	if _, err := read(); err != nil {
		t.Error(err)
	}
}
