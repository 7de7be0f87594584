package merge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/dray-oci/dray/layers/merge"
)

// FuzzMerge holds the merge against a plain model: a map of what is there, changed
// by one layer after the other. What is written is merged again, and stays as it is.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{0, 1, 9, 2, 17, 255, 3, 33, 64, 255, 5, 90, 128})
	f.Add([]byte("a whiteout, a file and a folder of one name\xff, and again\xff"))
	f.Fuzz(func(t *testing.T, program []byte) {
		model, raw, layers := map[string]string{}, [][]byte{}, [][]string{}
		for i, ops := range bytes.Split(program[:min(len(program), 200)], []byte{255}) {
			entries := layerOf(ops)
			apply(model, i, entries)
			raw, layers = append(raw, pack(t, i, entries...)), append(layers, entries)
		}
		out, err := flat(t, raw)
		if err != nil {
			t.Fatalf("%q: %v", layers, err)
		}
		got := list(t, out)
		slices.Sort(got)
		if want := visible(model); !slices.Equal(got, want) {
			t.Fatalf("%q:\n%q, want\n%q", layers, got, want)
		}
		if again, err := flat(t, [][]byte{out}); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q: merged again: %v", layers, err)
		}
	})
}

// visible is the model as [list] would say it: folders that no layer lists are there
// as long as something is in them.
func visible(model map[string]string) []string {
	all := map[string]string{}
	for p, what := range model {
		all[p] = what
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok && model[dir] == "" {
				all[dir] = dir + "/ 755"
			}
		}
	}
	return slices.Sorted(maps.Values(all))
}

// layerOf turns each byte into an entry: a file, a folder, a whiteout or an opaque
// mark. Nothing stands twice, and no file has something in it.
func layerOf(ops []byte) (entries []string) {
	isFile, isDir, seen := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, op := range ops {
		p := fuzzPaths[int(op>>2)%len(fuzzPaths)]
		e, holder := p, path.Dir(p)
		switch op & 3 {
		case 1:
			e, holder = p+"/", p
		case 2:
			e = path.Join(path.Dir(p), ".wh."+path.Base(p))
		case 3:
			e = path.Join(path.Dir(p), ".wh..wh..opq")
		}
		ok := !seen[e] && !(op&3 == 0 && isDir[p])
		for dir := holder; dir != "."; dir = path.Dir(dir) {
			ok = ok && !isFile[dir]
		}
		if !ok {
			continue
		}
		seen[e], isFile[p] = true, isFile[p] || op&3 == 0
		for dir := holder; dir != "."; dir = path.Dir(dir) {
			isDir[dir] = true
		}
		entries = append(entries, e)
	}
	return entries
}

var fuzzPaths = []string{"a", "a/c", "a/c/e", "a/c/f", "a/d", "a/d/e", "b", "b/c", "b/c/e", "b/d"}

// apply is what image-spec says, in the plainest way: first all that is hidden, then
// all that is put. A folder hides what was no folder, also if it is not listed.
func apply(model map[string]string, layer int, entries []string) {
	remove := func(p string, itself bool) {
		for q := range model {
			if q == p && itself || strings.HasPrefix(q, p+"/") || p == "." {
				delete(model, q)
			}
		}
	}
	for _, e := range entries {
		if base := path.Base(e); base == merge.OpaqueMark {
			remove(path.Dir(e), false)
		} else if rest, ok := strings.CutPrefix(base, merge.Whiteout); ok {
			remove(path.Join(path.Dir(e), rest), true)
		}
	}
	for _, e := range entries {
		p := strings.TrimSuffix(e, "/")
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if what := model[dir]; what != "" && !strings.Contains(what, "/ ") {
				remove(dir, true)
			}
		}
		switch {
		case strings.Contains(e, merge.Whiteout):
		case p != e:
			if what := model[p]; what != "" && !strings.Contains(what, "/ ") {
				remove(p, true)
			}
			model[p] = fmt.Sprintf("%s/ %o", p, 0o600+layer)
		default:
			remove(p, true)
			model[p] = fmt.Sprintf("%s %s@%d", p, p, layer)
		}
	}
}

// FuzzRead: no tar breaks the walk, and what is read can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add(pack(f, 0, "a", "b->a", "c=a", "d/", "d/.wh.x", "b/e"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read := func(raw []byte, layer int) (*merge.Table, error) {
			return merge.Read(t.Context(), bytes.NewReader(raw), merge.Options{Layer: layer, Budget: &merge.Budget{MaxBytes: 1 << 20}})
		}
		low, err := read(raw, 0)
		if err != nil || low.Bytes > 1<<20 {
			return
		}
		up, err := read(raw, 1)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		w := merge.NewTarWriter(&buf)
		s := merge.Stream{Tree: merge.Of([]*merge.Table{low, up}, false), Open: func(context.Context, int) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(raw)), nil
		}}
		if s.To(t.Context(), w) != nil || w.Close() != nil {
			return
		}
		if _, err := read(buf.Bytes(), 0); err != nil {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	entries := make([]string, 5000)
	for i := range entries {
		entries[i] = fmt.Sprintf("usr/lib/python3/dist-packages/package%d/module%d.py", i/20, i)
	}
	raw := pack(b, 0, entries...)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := merge.Read(context.Background(), bytes.NewReader(raw), merge.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
