package rootfs_test

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

// FuzzMerge holds the tree against a plain model: a map of what is there, changed by one
// layer after the other.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{0, 1, 9, 2, 17, 255, 3, 33, 64, 255, 5, 90, 128})
	f.Add([]byte("a whiteout, a file and a folder of one name\xff, and again\xff"))
	f.Fuzz(func(t *testing.T, program []byte) {
		model, layers := map[string]string{}, []string{}
		for i, ops := range bytes.Split(program[:min(len(program), 200)], []byte{255}) {
			entries := layerOf(ops)
			apply(model, i, entries)
			layers = append(layers, strings.Join(entries, " "))
		}
		tr := tree(t, layers...)
		for _, p := range paths() {
			want, ok := model[p]
			if !ok {
				want = "none"
			}
			if got := lookup(tr, p); got != want {
				t.Fatalf("%q: %s is %s, want %s", layers, p, got, want)
			}
		}
	})
}

func paths() (all []string) {
	for _, a := range []string{"a", "b"} {
		all = append(all, a)
		for _, b := range []string{"c", "d"} {
			all = append(all, a+"/"+b, a+"/"+b+"/e", a+"/"+b+"/f")
		}
	}
	return all
}

// layerOf turns each byte into an entry: a file, a folder, a whiteout or an opaque mark. What
// stands in a folder comes with the folder, and nothing stands there twice.
func layerOf(ops []byte) (entries []string) {
	kind := map[string]string{".": "/"}
	add := func(p, k, entry string) bool {
		if kind[path.Dir(p)] != "/" || kind[p] != "" && kind[p] != k {
			return false
		}
		if kind[p] == "" {
			kind[p], entries = k, append(entries, entry)
		}
		return true
	}
	var folder func(p string) bool
	folder = func(p string) bool { return p == "." || folder(path.Dir(p)) && add(p, "/", p+"/") }
	for _, op := range ops {
		p := paths()[int(op>>2)%len(paths())]
		switch op & 3 {
		case 0:
			_ = folder(path.Dir(p)) && add(p, "f", p)
		case 1:
			folder(p)
		case 2:
			if folder(path.Dir(p)) {
				entries = append(entries, path.Join(path.Dir(p), ".wh."+path.Base(p)))
			}
		case 3:
			if folder(path.Dir(p)) {
				entries = append(entries, path.Join(path.Dir(p), ".wh..wh..opq"))
			}
		}
	}
	return entries
}

// apply is what image-spec says, in the plainest way: first all that is hidden, then
// all that is put.
func apply(model map[string]string, layer int, entries []string) {
	remove := func(p string, itself bool) {
		for q := range model {
			if q == p && itself || strings.HasPrefix(q, p+"/") || p == "." {
				delete(model, q)
			}
		}
	}
	for _, e := range entries {
		if base := path.Base(e); base == ".wh..wh..opq" {
			remove(path.Dir(e), false)
		} else if rest, ok := strings.CutPrefix(base, ".wh."); ok {
			remove(path.Join(path.Dir(e), rest), true)
		}
	}
	for _, e := range entries {
		p := strings.TrimSuffix(e, "/")
		switch {
		case strings.Contains(e, ".wh."):
		case p != e && model[p] == "folder":
		case p != e:
			remove(p, true)
			model[p] = "folder"
		default:
			remove(p, true)
			model[p] = fmt.Sprintf("%s@%d", p, layer)
		}
	}
}

// FuzzRead: no tar breaks it, and every name can be looked up.
func FuzzRead(f *testing.F) {
	f.Add(pack(f, 0, "a", "b->a", "c=a", "d/", "d/.wh.x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := rootfs.Read(t.Context(), bytes.NewReader(raw), rootfs.Options{Exe: new(exe.Reader), Budget: new(rootfs.Budget)})
		if err != nil {
			return
		}
		tr := rootfs.New([]*rootfs.Layer{l, l}, false)
		for _, f := range tr.Executables() {
			if _, err := tr.Lookup(f.Path); err != nil {
				t.Errorf("%q: %v", f.Path, err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	entries := make([]string, 5000)
	for i := range entries {
		entries[i] = fmt.Sprintf("usr/lib/python3/dist-packages/package%d/module%d.py", i/20, i)
	}
	raw := pack(b, 0, entries...)
	x, r := new(exe.Reader), bytes.NewReader(nil)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		r.Reset(raw)
		if _, err := rootfs.Read(context.Background(), r, rootfs.Options{Exe: x}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExecutables(b *testing.B) {
	layers := make([]string, 20)
	for i := range layers {
		var names []string
		for j := range 500 {
			names = append(names, fmt.Sprintf("usr/lib/dir%d/sub%d/file%d", j%10, i, j))
		}
		layers[i] = strings.Join(names, " ")
	}
	for b.Loop() {
		b.StopTimer()
		tr := tree(b, layers...)
		b.StartTimer()
		if n := len(tr.Executables()); n != 10_000 {
			b.Fatal(n)
		}
	}
}

func Example() {
	l, err := rootfs.Read(context.Background(), bytes.NewReader(make([]byte, 1024)), rootfs.Options{})
	fmt.Println(l.Entries, err)
	// Output: 0 <nil>
}
