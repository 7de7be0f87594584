package rootfs

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// A scan is what the layers say together of one name.
type scan struct {
	node   Node
	layer  int
	found  bool
	inside bool // some layer has something below the name, listed or not
	floor  int  // the lowest layer whose content below the name counts
	unread bool // the answer may change with a layer that was not read
}

func (s scan) missing() error {
	if s.unread {
		return ErrUnread
	}
	return fs.ErrNotExist
}

// scan asks the layers from top downwards about p, which stands in the folder dir.
func (t *Tree) scan(dir, p string, top int) scan {
	s := scan{floor: t.floor(dir)}
	for i := top; i >= s.floor; i-- {
		l := t.layers[i]
		if l == nil {
			s.unread = true
			break
		}
		n, ok := l.node(p, t.fold)
		if ok && s.takes(n, i) || l.isOpaque(dir, t.fold) {
			s.floor = max(s.floor, i)
			break
		}
	}
	if !s.found && s.inside {
		s.found, s.node = true, Node{Kind: Implied}
	}
	return s
}

// takes takes in what layer i says, and reports whether that hides all lower ones.
func (s *scan) takes(n Node, i int) bool {
	insideAbove := s.inside
	s.inside = s.inside || n.inside
	switch {
	case n.Kind == Implied:
		return n.white
	case !s.found && insideAbove && n.Kind != Dir && n.Kind != Symlink: // an unlisted folder hides a file too
		s.floor = i + 1
		return true
	case !s.found:
		s.node, s.layer, s.found = n, i, true
		return n.white || n.Kind != Dir
	case s.node.Kind == Dir && n.Kind != Dir: // a folder hides a file, and what that hides
		s.floor = i + 1
		return true
	}
	return n.white
}

func (l *Layer) isOpaque(dir string, fold bool) bool {
	if !l.hasOpaque {
		return false
	}
	n, _ := l.node(dir, fold)
	return n.opaque
}

// floor returns the lowest layer whose content in the folder dir counts.
func (t *Tree) floor(dir string) int {
	if f, ok := t.floors[dir]; ok {
		return f
	}
	s := t.scan(path.Dir(dir), dir, len(t.layers)-1)
	if !s.unread {
		t.floors[dir] = s.floor
	}
	return s.floor
}

// Executables returns the files of the tree that were found to be executable code or
// scripts, sorted by path. Hidden ones are not among them.
func (t *Tree) Executables() []Found {
	var found []Found
	t.each(func(f Found) {
		if f.Node.Kind == File && f.Node.Exe != nil {
			found = append(found, f)
		}
	})
	slices.SortFunc(found, func(a, b Found) int { return strings.Compare(a.Path, b.Path) })
	return found
}

// Absent returns those of the names that no file or link of the tree has as the last
// part of its path, sorted.
func (t *Tree) Absent(names map[string]bool) []string {
	absent := maps.Clone(names)
	t.each(func(f Found) {
		if f.Node.Kind != Dir {
			delete(absent, path.Base(f.Path))
		}
	})
	return slices.Sorted(maps.Keys(absent))
}

// each visits what is visible, in no order.
func (t *Tree) each(visit func(Found)) {
	for i, l := range t.layers {
		if l == nil {
			continue
		}
		for p, n := range l.nodes {
			if n.Kind == Implied {
				continue
			}
			if s := t.scan(path.Dir(p), p, len(t.layers)-1); s.found && s.layer == i {
				visit(Found{Path: p, Layer: i, Node: n})
			}
		}
	}
}

// Has reports whether the tree has anything at all.
func (t *Tree) Has() bool {
	return slices.ContainsFunc(t.layers, func(l *Layer) bool { return l != nil && len(l.nodes) > 0 })
}
