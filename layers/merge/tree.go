package merge

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
)

// A Tree is what layers make together. It is not safe for concurrent use.
type Tree struct {
	root    *node
	fold    bool
	pending []*pending
	hidden  []Hidden
}

// An Entry is one name of a tree.
type Entry struct {
	Name  string // from the root, slashes between, none in front; "." is the root
	File  *File  // nil: a folder that no layer lists, though something stands in it
	Layer int    // that gave it the name
	Index int    // entry of that layer that did
}

// A Hidden is a file of a layer that a higher one hides.
type Hidden struct {
	Name    string
	File    *File
	By      int   // the layer that hides it
	Deleted bool  // by a whiteout
	With    *File // what stands there instead, in layer By; nil if deleted
}

// New returns an empty tree. With fold, upper and lower case of names are the same.
func New(fold bool) *Tree {
	return &Tree{fold: fold, root: &node{kids: map[string]*node{}}}
}

// Of returns the tree of tables, the bottom one first, and uses them up.
func Of(tables []*Table, fold bool) *Tree {
	t := New(fold)
	for _, table := range slices.Backward(tables) {
		t.Under(table)
	}
	return t
}

// Under lays a layer under those that the tree has. The table is used up.
func (t *Tree) Under(low *Table) {
	t.resolve(low)
	t.under(".", t.root, low.root)
	t.pending = append(t.pending, low.pending...)
}

// under merges low into up, which has the same name.
func (t *Tree) under(name string, up, low *node) {
	switch {
	case !up.isDir() || up.white:
		t.hide(name, low, up, true)
	case low.isMark():
		up.white, up.by = true, low.by
	case !low.isDir():
		t.hide(name, low, up, true)
		up.white, up.by = true, low.layer
	default:
		t.underDir(name, up, low)
	}
}

func (t *Tree) underDir(name string, up, low *node) {
	if up.file == nil {
		up.file = low.file
		if low.file != nil {
			up.layer, up.index, up.name = low.layer, low.index, low.name
		}
	}
	for k, kid := range low.kids {
		kidName := path.Join(name, kid.name)
		switch mine := up.kids[k]; {
		case mine != nil && !up.shut:
			t.under(kidName, mine, kid)
		case mine != nil:
			t.hide(kidName, kid, mine, true)
		case up.shut:
			t.hide(kidName, kid, up, false)
		default:
			up.kids[k] = kid
		}
	}
	if up.shut { // what was beside is final too
		return
	}
	up.shut, up.white = low.shut, low.white
	if low.shut || low.white {
		up.by = low.by
	}
}

// hide writes down the files of low, which up hides; same says that it has the
// same name, and is not a folder above it.
func (t *Tree) hide(name string, low, up *node, same bool) {
	if low.aufs {
		return
	}
	if f := low.file; f != nil && !f.IsDir() {
		h := Hidden{Name: name, File: f, By: up.layer}
		switch {
		case same && !up.isDir() && !up.isMark():
			h.With = up.file
		case up.white || up.shut:
			h.By, h.Deleted = up.by, true
		}
		t.hidden = append(t.hidden, h)
	}
	for _, kid := range low.kids {
		t.hide(path.Join(name, kid.name), kid, up, false)
	}
}

// resolve looks in a layer for the files of hard links that stand above it.
func (t *Tree) resolve(low *Table) {
	t.pending = slices.DeleteFunc(t.pending, func(p *pending) bool {
		n, rest, final := low.find(p.target)
		switch {
		case n == nil:
			p.target = rest
			return final
		case n.isMark() || n.isDir():
			return true
		case n.file.Type == tar.TypeLink:
			p.target = n.file.Link
			return false
		}
		if p.node.file == p.link {
			p.node.file = n.file
		}
		return true
	})
}

// Root returns the entry of the root.
func (t *Tree) Root() Entry { return t.entry(".", t.root) }

func (t *Tree) entry(name string, n *node) Entry {
	return Entry{Name: name, File: n.file, Layer: n.layer, Index: n.index}
}

// All visits every name but the root's, folders before what stands in them, the names
// in a folder in the order of their bytes. Folders that no layer lists and in
// which nothing is left are not there.
func (t *Tree) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) { t.walk(".", t.root, yield) }
}

func (t *Tree) walk(name string, dir *node, yield func(Entry) bool) bool {
	for _, n := range sorted(dir) {
		kidName := path.Join(name, n.name)
		if !n.shows() {
			continue
		}
		if !yield(t.entry(kidName, n)) || !t.walk(kidName, n, yield) {
			return false
		}
	}
	return true
}

func sorted(dir *node) []*node {
	return slices.SortedFunc(maps.Values(dir.kids), func(a, b *node) int { return strings.Compare(a.name, b.name) })
}

// shows reports whether there is anything under the name.
func (n *node) shows() bool {
	if n.aufs || n.isMark() {
		return false
	}
	if n.file != nil {
		return true
	}
	for _, kid := range n.kids {
		if kid.shows() {
			return true
		}
	}
	return false
}

// Hidden returns the files that are not visible, sorted by layer and name.
func (t *Tree) Hidden() []Hidden {
	slices.SortFunc(t.hidden, func(a, b Hidden) int {
		if a.File.Layer != b.File.Layer {
			return a.File.Layer - b.File.Layer
		}
		return strings.Compare(a.Name, b.Name)
	})
	return t.hidden
}

// A Mark is what a tree of upper layers hides of lower ones.
type Mark struct {
	Name   string
	Opaque bool // all that lower layers have in the folder, else the name itself
}

// Marks returns, sorted, what hides names of layers that are not in the tree.
func (t *Tree) Marks() []Mark {
	var marks []Mark
	var visit func(name string, n *node)
	visit = func(name string, n *node) {
		switch {
		case n.aufs:
			return
		case n.isMark():
			marks = append(marks, Mark{Name: name})
		case n.isDir() && (n.shut || n.white):
			marks = append(marks, Mark{Name: name, Opaque: true})
		}
		for _, kid := range sorted(n) {
			visit(path.Join(name, kid.name), kid)
		}
	}
	visit(".", t.root)
	return marks
}

// Lookup returns what name leads to, relative to the root. Links in its folders are
// followed, and with follow also one that it is itself; none leads out of the root. The
// error wraps [fs.ErrNotExist]: while layers are missing from the tree below,
// they may have it, but what was found will stay.
func (t *Tree) Lookup(name string, follow bool) (Entry, error) {
	at, trail, names, links := t.root, []*node{t.root}, []string{}, 0
	rest := split(name)
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			trail, names = trail[:max(1, len(trail)-1)], names[:max(0, len(names)-1)]
			at = trail[len(trail)-1]
			continue
		}
		n := at.kids[key(part, t.fold)]
		if n == nil || n.aufs || n.isMark() {
			return Entry{}, &fs.PathError{Op: "looking for", Path: fmt.Sprintf("%.300q", name), Err: fs.ErrNotExist}
		}
		if n.file != nil && n.file.Type == tar.TypeSymlink && (follow || len(rest) > 0) {
			if links++; links > maxLinks || len(rest) > 2*maxDepth {
				return Entry{}, fmt.Errorf("%.200q: more than %d links: %w", name, maxLinks, ErrInvalid)
			}
			if strings.HasPrefix(n.file.Link, "/") {
				at, trail, names = t.root, trail[:1], nil
			}
			rest = append(split(n.file.Link), rest...)
			continue
		}
		at, trail, names = n, append(trail, n), append(names, n.name)
	}
	return t.entry(path.Join(append([]string{"."}, names...)...), at), nil
}

// Kids returns what stands in the folder name, sorted; nil if it is no folder.
func (t *Tree) Kids(name string) []Entry {
	at := t.root
	for _, part := range split(name) {
		if at = at.kids[key(part, t.fold)]; at == nil {
			return nil
		}
	}
	var all []Entry
	for _, n := range sorted(at) {
		if n.shows() {
			all = append(all, t.entry(path.Join(name, n.name), n))
		}
	}
	return all
}
