package merge

import (
	"archive/tar"
	"fmt"
	"path"
	"strings"

	"github.com/dray-oci/dray/pkg/tario"
)

// A Table is one layer. It is used up by [Tree.Under].
type Table struct {
	Entries int   // how many the tar has
	Bytes   int64 // of the content of all regular files
	layer   int
	fold    bool
	root    *node
	pending []*pending // hard links that may lead to lower layers
}

// A node is one name in a folder.
type node struct {
	name  string
	file  *File            // nil: a folder that is not listed or, without kids, only a mark
	kids  map[string]*node // of folders
	layer int              // that gave it its name
	index int              // entry that did
	white bool             // lower layers show nothing under this name
	shut  bool             // lower layers show nothing inside this folder
	by    int              // layer that says so
	aufs  bool             // it is there for hard links only
}

func (n *node) isMark() bool { return n.file == nil && n.kids == nil }

// isDir: what is not listed is one too if something stands in it.
func (n *node) isDir() bool { return n.kids != nil }

// pending is a hard link whose file is looked for further down.
type pending struct {
	node   *node
	link   *File  // what the node had when this was written down
	target string // cleaned
}

func key(name string, fold bool) string {
	if fold {
		return strings.ToLower(name)
	}
	return name
}

// child returns the kid of dir called name, which it makes if there is none.
func (t *Table) child(dir *node, name string, index int) *node {
	k := key(name, t.fold)
	n := dir.kids[k]
	if n == nil {
		n = &node{name: strings.Clone(name), layer: t.layer, index: index}
		n.aufs = dir.aufs || strings.HasPrefix(name, aufsPrefix)
		dir.kids[k] = n
	}
	return n
}

// dir returns the folder of the layer that name leads to, as an engine that unpacks
// the layer would find it: links are followed, what is missing is made.
func (b *builder) dir(name string) (*node, error) {
	at, trail, links := b.root, []*node{b.root}, 0
	rest := split(name)
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			trail = trail[:max(1, len(trail)-1)]
			at = trail[len(trail)-1]
			continue
		}
		if isWhiteout(part) {
			return nil, fmt.Errorf("%.200q stands below a whiteout: %w", name, ErrInvalid)
		}
		n := b.child(at, part, b.index)
		if n.file != nil && n.file.Type == tar.TypeSymlink {
			if links++; links > maxLinks || len(rest) > 2*maxDepth {
				return nil, fmt.Errorf("%.200q: more than %d links: %w", name, maxLinks, ErrInvalid)
			}
			if strings.HasPrefix(n.file.Link, "/") {
				at, trail = b.root, trail[:1]
			}
			rest = append(split(n.file.Link), rest...)
			continue
		}
		if n.file != nil && !n.file.IsDir() {
			return nil, fmt.Errorf("%.200q stands in a file: %w", name, ErrInvalid)
		}
		if n.kids == nil {
			n.kids = map[string]*node{}
		}
		at, trail = n, append(trail, n)
		if len(trail) > 2*maxDepth {
			return nil, fmt.Errorf("%.100q is too deep: %w", name, ErrInvalid)
		}
	}
	return at, nil
}

func isWhiteout(part string) bool {
	return strings.HasPrefix(part, Whiteout) && !strings.HasPrefix(part, aufsPrefix)
}

// split returns the parts of a name, without those that mean nothing.
func split(name string) []string {
	parts := strings.Split(name, "/")
	kept := parts[:0]
	for _, p := range parts {
		if p != "" && p != "." {
			kept = append(kept, p)
		}
	}
	return kept
}

// put makes name stand for f.
func (b *builder) put(name string, f *File) error {
	if name == "." {
		if f.IsDir() {
			b.root.file, b.root.index = f, b.index
		}
		return nil
	}
	if f.Type == tar.TypeLink {
		return b.putLink(name, f)
	}
	_, err := b.set(name, f)
	return err
}

func (b *builder) set(name string, f *File) (*node, error) {
	dir, base := path.Split(name)
	parent, err := b.dir(dir)
	if err != nil {
		return nil, err
	}
	n := b.child(parent, base, b.index)
	if !f.IsDir() {
		n.kids = nil
	} else if n.kids == nil {
		n.kids = map[string]*node{}
	}
	n.name, n.file, n.index = strings.Clone(base), f, b.index
	return n, nil
}

// putLink makes name another name of the file that f links to: the one that the layer
// has by now, which it stays whatever comes after, else one of a lower layer.
func (b *builder) putLink(name string, f *File) error {
	target, err := tario.CleanName(f.Link)
	if err != nil {
		return fmt.Errorf("%.200q: link: %w", name, err)
	}
	f.Link = target
	origin, rest, _ := b.find(target)
	switch {
	case origin != nil && origin.file != nil && !origin.file.IsDir():
		if origin.file.Type == tar.TypeLink { // both are for a lower layer to say
			rest = origin.file.Link
			break
		}
		_, err := b.set(name, origin.file)
		return err
	case origin != nil && !origin.isMark():
		return fmt.Errorf("%.200q: hard link to the folder %.200q: %w", name, target, ErrInvalid)
	}
	if rest == name {
		return nil // what lower layers have stays as it is
	}
	n, err := b.set(name, f)
	if err == nil {
		b.pending = append(b.pending, &pending{node: n, link: f, target: rest})
	}
	return err
}

// find returns what the layer has under name, links in its folders followed; nil if
// it has nothing. rest is the name with those links followed; final says that
// lower layers have nothing to say about it.
func (t *Table) find(name string) (n *node, rest string, final bool) {
	at, trail, links := t.root, []*node{t.root}, 0
	parts := split(name)
	var done []string
	for i := 0; i < len(parts); i++ {
		if parts[i] == ".." {
			trail, done = trail[:max(1, len(trail)-1)], done[:max(0, len(done)-1)]
			at = trail[len(trail)-1]
			continue
		}
		final = final || at.shut || at.white || !at.isDir()
		n = at.kids[key(parts[i], t.fold)]
		switch {
		case n == nil, n.isMark(), i == len(parts)-1:
			return n, path.Join(append(done, parts[i:]...)...), final
		case n.file != nil && n.file.Type == tar.TypeSymlink:
			if links++; links > maxLinks || len(parts) > 2*maxDepth {
				return nil, name, true
			}
			if strings.HasPrefix(n.file.Link, "/") {
				at, trail, done = t.root, trail[:1], nil
			}
			parts, i = append(split(n.file.Link), parts[i+1:]...), -1
			continue
		}
		at, trail, done = n, append(trail, n), append(done, parts[i])
	}
	return at, path.Join(done...), final
}

// hide takes in a whiteout.
func (b *builder) hide(dir, base string) error {
	rest := strings.TrimPrefix(base, Whiteout)
	if rest == "." || rest == ".." || rest == "" {
		return fmt.Errorf("%.200q is no whiteout of anything: %w", dir+base, ErrInvalid)
	}
	if err := b.o.Budget.take(int64(entryBytes + len(dir) + len(base))); err != nil {
		return err
	}
	n, err := b.dir(dir)
	if err != nil {
		return err
	}
	if base == OpaqueMark {
		n.shut, n.by = true, b.layer
		return nil
	}
	n = b.child(n, rest, b.index)
	n.white, n.by = true, b.layer
	return nil
}

// Clone returns a copy of t, which may stand in another tree.
func (t *Table) Clone() *Table {
	c := *t
	copies := map[*node]*node{}
	var copyOf func(n *node) *node
	copyOf = func(n *node) *node {
		d := *n
		copies[n] = &d
		if n.kids != nil {
			d.kids = make(map[string]*node, len(n.kids))
			for k, kid := range n.kids {
				d.kids[k] = copyOf(kid)
			}
		}
		return &d
	}
	c.root, c.pending = copyOf(t.root), nil
	for _, p := range t.pending {
		if n, ok := copies[p.node]; ok { // else it was replaced since
			c.pending = append(c.pending, &pending{node: n, link: p.link, target: p.target})
		}
	}
	return &c
}
