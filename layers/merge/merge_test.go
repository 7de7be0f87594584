package merge_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/layers/merge"
)

// pack makes a layer of entries: "dir/" a folder, "a->b" a symlink, "a=b" a hard
// link, else a file that names itself and the layer.
func pack(t testing.TB, layer int, entries ...string) []byte {
	t.Helper()
	var headers []*tar.Header
	for _, e := range entries {
		h := &tar.Header{Name: e, Typeflag: tar.TypeReg, Mode: 0o600 + int64(layer)}
		if name, target, ok := strings.Cut(e, "->"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if name, target, ok := strings.Cut(e, "="); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeLink
		} else if strings.HasSuffix(e, "/") {
			h.Typeflag = tar.TypeDir
		}
		headers = append(headers, h)
	}
	return packHeaders(t, layer, headers...)
}

func packHeaders(t testing.TB, layer int, headers ...*tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg && !strings.Contains(h.Name, merge.Whiteout) {
			content = fmt.Sprintf("%s@%d", h.Name, layer)
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

func packAll(t testing.TB, layers []string) [][]byte {
	t.Helper()
	var raw [][]byte
	for i, l := range layers {
		raw = append(raw, pack(t, i, strings.Fields(l)...))
	}
	return raw
}

// tree merges the layers.
func tree(t testing.TB, raw [][]byte) *merge.Tree {
	t.Helper()
	var tables []*merge.Table
	for i, l := range raw {
		table, err := merge.Read(t.Context(), bytes.NewReader(l), merge.Options{Layer: i, Budget: new(merge.Budget)})
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	return merge.Of(tables, false)
}

// flat merges the layers and writes them as one tar.
func flat(t testing.TB, raw [][]byte) ([]byte, error) {
	t.Helper()
	var buf bytes.Buffer
	w := merge.NewTarWriter(&buf)
	s := merge.Stream{Tree: tree(t, raw), Open: func(_ context.Context, i int) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(raw[i])), nil
	}}
	if err := s.To(t.Context(), w); err != nil {
		return nil, err
	}
	return buf.Bytes(), w.Close()
}

// list says what is in a tar, in its order: "name content", "name -> target",
// "name = target" or "name/", folders with the layer of their mode.
func list(t testing.TB, raw []byte) []string {
	t.Helper()
	var all []string
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		line := h.Name
		switch h.Typeflag {
		case tar.TypeReg:
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			line += " " + string(content)
		case tar.TypeSymlink:
			line += " -> " + h.Linkname
		case tar.TypeLink:
			line += " = " + h.Linkname
		case tar.TypeDir:
			line += fmt.Sprintf(" %o", h.Mode)
		}
		all = append(all, line)
	}
}

func TestMerge(t *testing.T) {
	for name, tt := range map[string]struct{ layers, want []string }{
		"order of one layer": {
			[]string{"b/ b/z b/a a/ a/x"},
			[]string{"b/ 600", "b/z b/z@0", "b/a b/a@0", "a/ 600", "a/x a/x@0"},
		},
		"upper wins": {[]string{"a b", "a"}, []string{"b b@0", "a a@1"}},
		"folders merge, the upper one's mode counts": {
			[]string{"d/ d/a", "d/ d/b"},
			[]string{"d/ 601", "d/a d/a@0", "d/b d/b@1"},
		},
		"a folder that is not listed keeps its mode": {
			[]string{"d/ d/a", "d/b"},
			[]string{"d/ 600", "d/a d/a@0", "d/b d/b@1"},
		},
		"a folder that nobody lists": {[]string{"d/e/a"}, []string{"d/ 755", "d/e/ 755", "d/e/a d/e/a@0"}},
		"whiteout before its file":   {[]string{"a", ".wh.a a"}, []string{"a a@1"}},
		"whiteout after its file":    {[]string{"a", "a .wh.a"}, []string{"a a@1"}},
		"whiteout":                   {[]string{"d/a d/b", "d/.wh.a"}, []string{"d/ 755", "d/b d/b@0"}},
		"whiteout of what is not":    {[]string{"a", "x/.wh.y .wh.z"}, []string{"a a@0"}},
		"whiteout of a folder": {
			[]string{"d/a d/e/f", ".wh.d", "d/b"},
			[]string{"d/ 755", "d/b d/b@2"},
		},
		"whiteout, then the folder anew": {
			[]string{"d/ d/a", ".wh.d d/ d/b"},
			[]string{"d/ 601", "d/b d/b@1"},
		},
		"the folder anew, then its whiteout": {
			[]string{"d/ d/a", "d/ d/b .wh.d"},
			[]string{"d/ 601", "d/b d/b@1"},
		},
		"opaque first": {[]string{"d/ d/a d/e/f", "d/ d/.wh..wh..opq d/b"}, []string{"d/ 601", "d/b d/b@1"}},
		"opaque last":  {[]string{"d/ d/a d/e/f", "d/ d/b d/.wh..wh..opq"}, []string{"d/ 601", "d/b d/b@1"}},
		"opaque, folder not listed": {
			[]string{"d/ d/a", "d/.wh..wh..opq d/b"},
			[]string{"d/ 600", "d/b d/b@1"},
		},
		"opaque root":              {[]string{"a", ".wh..wh..opq b"}, []string{"b b@1"}},
		"opaque below a new layer": {[]string{"d/a", "d/.wh..wh..opq", "d/b"}, []string{"d/ 755", "d/b d/b@2"}},
		"file for folder":          {[]string{"d/a", "d", "d/ d/b"}, []string{"d/ 602", "d/b d/b@2"}},
		"folder for file":          {[]string{"d", "d/ d/a"}, []string{"d/ 601", "d/a d/a@1"}},
		"unlisted folder for file": {[]string{"d", "d/a"}, []string{"d/ 755", "d/a d/a@1"}},
		"link for folder":          {[]string{"lib/ lib/a", "lib->usr/lib"}, []string{"lib -> usr/lib"}},
		"folder for link":          {[]string{"lib->usr/lib usr/lib/a", "lib/ lib/b"}, []string{"usr/ 755", "usr/lib/ 755", "usr/lib/a usr/lib/a@0", "lib/ 601", "lib/b lib/b@1"}},
		"links are kept as they are": {
			[]string{"up->../../etc/shadow abs->/etc/shadow self->self"},
			[]string{"up -> ../../etc/shadow", "abs -> /etc/shadow", "self -> self"},
		},
		"a link in the same layer is followed": {
			[]string{"lib->usr/lib usr/lib/ lib/a"},
			[]string{"lib -> usr/lib", "usr/ 755", "usr/lib/ 600", "usr/lib/a lib/a@0"},
		},
		"a link out of the root leads to the root": {
			[]string{"x->../../y x/a"},
			[]string{"x -> ../../y", "y/ 755", "y/a x/a@0"},
		},
		"twice in a layer": {[]string{"a a"}, []string{"a a@0"}},
		"hard links":       {[]string{"a b=a c=b"}, []string{"a a@0", "b = a", "c = a"}},
		"hard link to what is replaced above": {
			[]string{"a b=a c=a", "a"},
			[]string{"b a@0", "c = b", "a a@1"},
		},
		"hard link to what is deleted above": {[]string{"a b=a", ".wh.a"}, []string{"b a@0"}},
		"hard link to what is replaced in its layer": {
			[]string{"a b=a a"},
			[]string{"b a@0", "a a@0"},
		},
		"hard link to a lower layer": {[]string{"a", "x", "b=a"}, []string{"a a@0", "x x@1", "b = a"}},
		"hard link to a lower layer, replaced above": {
			[]string{"a", "b=a", "a"},
			[]string{"b a@0", "a a@2"},
		},
		"hard link through a lower one": {[]string{"a", "b=a", "c=b .wh.b"}, []string{"a a@0", "c = a"}},
		"hard link through a link":      {[]string{"lib->usr/lib usr/lib/a", "b=lib/a"}, []string{"lib -> usr/lib", "usr/ 755", "usr/lib/ 755", "usr/lib/a usr/lib/a@0", "b = usr/lib/a"}},
		"hard link to a symlink":        {[]string{"t a->t b=a"}, []string{"t t@0", "a -> t", "b = a"}},
		"hard link to itself":           {[]string{"a", "a=a"}, []string{"a a@0"}},
		"AUFS":                          {[]string{".wh..wh.aufs .wh..wh.plnk/ .wh..wh.plnk/1.2 a=.wh..wh.plnk/1.2"}, []string{"a .wh..wh.plnk/1.2"}},
		"names":                         {[]string{"./a /b c//d ./"}, []string{"./ 600", "a ./a@0", "b /b@0", "c/ 755", "c/d c//d@0"}},
		"not UTF-8":                     {[]string{"\xff\xfe d\xe9/x", "d\xe9/.wh.x"}, []string{"\xff\xfe \xff\xfe@0"}},
	} {
		raw, err := flat(t, packAll(t, tt.layers))
		if name == "AUFS" || name == "not UTF-8" { // content is named as the model has it
			if err != nil || len(list(t, raw)) != len(tt.want) {
				t.Errorf("%s: %q, %v", name, list(t, raw), err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if d := cmp.Diff(tt.want, list(t, raw)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	deep := strings.Repeat("d/", 1100) + "x"
	for name, layers := range map[string][]string{
		"hard link to nothing":              {"a=gone"},
		"hard link to a folder below":       {"d/a", "b=d"},
		"hard link to what is deleted":      {"a", ".wh.a", "b=a"},
		"hard link into an emptied folder":  {"d/a", "d/.wh..wh..opq", "b=d/a"},
		"hard links in a circle, in layers": {"a=b", "b=a"},
	} {
		if _, err := flat(t, packAll(t, layers)); !errors.Is(err, merge.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, layer := range map[string]string{
		"climbing":                 "../a",
		"a file in a file":         "a a/b",
		"below a whiteout":         ".wh.a/b",
		"whiteout of its folder":   "d/.wh..",
		"whiteout of the parent":   "d/.wh...",
		"link in a loop":           "a->b b->a a/x",
		"hard link to a folder":    "d/ b=d",
		"hard link out of the tar": "b=../x",
		"too deep":                 deep,
	} {
		if _, err := merge.Read(t.Context(), bytes.NewReader(pack(t, 0, strings.Fields(layer)...)), merge.Options{}); !errors.Is(err, merge.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := pack(t, 0, "a", "b")
	for name, raw := range map[string][]byte{"no tar": bytes.Repeat([]byte("x"), 1024), "cut": good[:1200], "cut in a file": good[:513]} {
		if _, err := merge.Read(t.Context(), bytes.NewReader(raw), merge.Options{}); !errors.Is(err, merge.ErrInvalid) || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := merge.Read(t.Context(), bytes.NewReader(good), merge.Options{Budget: &merge.Budget{MaxBytes: 300}}); !errors.Is(err, merge.ErrTooLarge) {
		t.Errorf("over the budget: %v", err)
	}
}

// What a header says comes out as it went in.
func TestMetadata(t *testing.T) {
	at := time.Unix(1_600_000_000, 123_456_789)
	headers := []*tar.Header{
		{Typeflag: tar.TypeReg, Name: "bin/ping", Mode: 0o4755, Uid: 3_000_000, Gid: 2_000_000_000, Uname: "u", Gname: "g", ModTime: at, Format: tar.FormatPAX, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20"}},
		{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0o666, Devmajor: 1, Devminor: 3, ModTime: time.Unix(1, 0)},
		{Typeflag: tar.TypeBlock, Name: "dev/sda", Mode: 0o660, Devmajor: 8, ModTime: time.Unix(1, 0)},
		{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o600, ModTime: time.Unix(1, 0)},
		{Typeflag: tar.TypeReg, Name: strings.Repeat("long/", 100) + "x", ModTime: time.Unix(1, 0)},
		{Typeflag: tar.TypeSymlink, Name: "s", Linkname: strings.Repeat("../", 100), Mode: 0o777, ModTime: time.Unix(1, 0)},
	}
	raw, err := flat(t, [][]byte{packHeaders(t, 0, headers...)})
	if err != nil {
		t.Fatal(err)
	}
	r, got := tar.NewReader(bytes.NewReader(raw)), map[string]*tar.Header{}
	for {
		h, err := r.Next()
		if err != nil {
			break
		}
		got[h.Name] = h
	}
	for _, want := range headers {
		g := got[want.Name]
		if g == nil {
			t.Errorf("%.50s is gone", want.Name)
			continue
		}
		if g.Typeflag != want.Typeflag || g.Mode != want.Mode || g.Uid != want.Uid || g.Gid != want.Gid || g.Uname != want.Uname ||
			!g.ModTime.Equal(want.ModTime) || g.Devmajor != want.Devmajor || g.Devminor != want.Devminor || g.Linkname != want.Linkname {
			t.Errorf("%+v, want %+v", g, want)
		}
		for k, v := range want.PAXRecords {
			if g.PAXRecords[k] != v {
				t.Errorf("%s: %q, want %q", k, g.PAXRecords[k], v)
			}
		}
	}
	again, err := flat(t, [][]byte{raw})
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("what was merged does not stay the same: %v", err)
	}
}

func TestLookup(t *testing.T) {
	tr := tree(t, packAll(t, []string{"bin->usr/bin usr/bin/sh usr/bin/x->/usr/bin/sh up->../../usr d/a loop->loop", "d/.wh.a usr/bin/y"}))
	for name, want := range map[string]string{
		"/bin/sh": "usr/bin/sh", "bin/x": "usr/bin/sh", "up/bin/../bin/y": "usr/bin/y", "bin": "usr/bin", "": ".", "/../bin/sh": "usr/bin/sh",
		"d/a": "", "bin/sh/x": "", "none": "", "loop": "invalid", "d": "",
	} {
		e, err := tr.Lookup(name, true)
		got := e.Name
		if errors.Is(err, merge.ErrInvalid) {
			got = "invalid"
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if got != want && !(name == "d" && got == "d") {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if e, err := tr.Lookup("bin", false); err != nil || e.Name != "bin" {
		t.Errorf("not followed: %+v, %v", e, err)
	}
}

func TestHidden(t *testing.T) {
	tr := tree(t, packAll(t, []string{"a b d/x d/y e/z l/k", "a .wh.b", ".wh.d e/.wh..wh..opq l"}))
	var got []string
	for _, h := range tr.Hidden() {
		got = append(got, fmt.Sprintf("%s of %d by %d %v %v", h.Name, h.File.Layer, h.By, h.Deleted, h.With != nil))
	}
	want := []string{"a of 0 by 1 false true", "b of 0 by 1 true false", "d/x of 0 by 2 true false", "d/y of 0 by 2 true false", "e/z of 0 by 2 true false", "l/k of 0 by 2 false false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A tree of upper layers, written with its marks, does to lower ones what they did.
func TestMarks(t *testing.T) {
	layers := []string{"a d/x d/y e/z f g/h keep/ keep/a", ".wh.a keep/b d/.wh..wh..opq d/n", ".wh.e e/ e/new g .wh.f", "g/ g/i"}
	whole, err := flat(t, packAll(t, layers))
	if err != nil {
		t.Fatal(err)
	}
	raw := packAll(t, layers)
	upper := raw[1:]
	tr := tree(t, upper)
	var buf bytes.Buffer
	w := merge.NewTarWriter(&buf)
	for _, m := range tr.Marks() {
		if err := w.Mark(m); err != nil {
			t.Fatal(err)
		}
	}
	s := merge.Stream{Tree: tr, Upper: true, Open: func(_ context.Context, i int) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(upper[i])), nil
	}}
	if err := errors.Join(s.To(t.Context(), w), w.Close()); err != nil {
		t.Fatal(err)
	}
	squashed, err := flat(t, [][]byte{raw[0], buf.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	got, want := list(t, squashed), list(t, whole)
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A copy of a table stands in a tree of its own.
func TestClone(t *testing.T) {
	var tables, copies []*merge.Table
	for i, raw := range packAll(t, []string{"a d/x", "b=a d/.wh.x c"}) {
		table, err := merge.Read(t.Context(), bytes.NewReader(raw), merge.Options{Layer: i})
		if err != nil {
			t.Fatal(err)
		}
		tables, copies = append(tables, table), append(copies, table.Clone())
	}
	names := func(tr *merge.Tree) (all []string) {
		for e := range tr.All() {
			all = append(all, fmt.Sprint(e.Name, " ", e.File.Size))
		}
		return all
	}
	first := names(merge.Of(tables, false))
	if d := cmp.Diff(first, names(merge.Of(copies, false))); d != "" || len(first) != 3 {
		t.Errorf("%q %s", first, d)
	}
}

func TestFold(t *testing.T) {
	var tables []*merge.Table
	for i, l := range []string{"Files/Windows/System32/cmd.exe Files/a", "Files/windows/SYSTEM32/CMD.EXE files/.wh.A"} {
		table, err := merge.Read(t.Context(), bytes.NewReader(pack(t, i, strings.Fields(l)...)), merge.Options{Layer: i, Fold: true})
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	var names []string
	for e := range merge.Of(tables, true).All() {
		names = append(names, e.Name)
	}
	if len(names) != 4 || !strings.EqualFold(names[3], "Files/Windows/System32/cmd.exe") {
		t.Errorf("%q", names)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := merge.Read(ctx, bytes.NewReader(pack(t, 0, "a")), merge.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func Example() {
	var tables []*merge.Table
	for i := range 2 {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		_ = w.WriteHeader(&tar.Header{Name: []string{"a", ".wh.a"}[i]})
		_ = w.WriteHeader(&tar.Header{Name: []string{"b", "c"}[i]})
		_ = w.Close()
		table, err := merge.Read(context.Background(), &buf, merge.Options{Layer: i})
		if err != nil {
			fmt.Println(err)
			return
		}
		tables = append(tables, table)
	}
	for e := range merge.Of(tables, false).All() {
		fmt.Println(e.Name)
	}
	// Output:
	// b
	// c
}
