package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxLinks is how many links Linux follows in one name.
const maxLinks = 40

// Errors of looking up, besides [fs.ErrNotExist].
var (
	// ErrLoop: there are too many links.
	ErrLoop = errors.New("too many links")
	// ErrUnread: a layer that was not read may have it.
	ErrUnread = errors.New("it may stand in a layer that was not read")
)

// A Tree is the file system that layers make together. It is not safe for concurrent use.
type Tree struct {
	layers []*Layer // from the bottom; nil was not read
	fold   bool
	floors map[string]int
}

// New returns the tree of layers, the bottom one first. A nil layer is one that was not
// read. With fold, upper and lower case are the same, as on Windows.
func New(layers []*Layer, fold bool) *Tree {
	return &Tree{layers: layers, fold: fold, floors: map[string]int{".": 0}}
}

// A Found is a file of the tree.
type Found struct {
	Path  string // from the root, without a slash in front
	Layer int    // which has it
	Node  Node
}

// Lookup returns what name leads to, relative to the root, links followed. The error
// wraps [fs.ErrNotExist], [ErrLoop] or [ErrUnread].
func (t *Tree) Lookup(name string) (Found, error) {
	w := walk{tree: t, top: len(t.layers) - 1, links: maxLinks}
	f, err := w.to(".", split(name))
	if err != nil {
		return Found{}, fmt.Errorf("%.200q: %w", name, err)
	}
	return f, nil
}

func split(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}

// A walk goes to one name through the layers up to top.
type walk struct {
	tree  *Tree
	top   int
	links int // that may still be followed
}

// to goes from the folder dir, whose name holds no links, along parts.
func (w *walk) to(dir string, parts []string) (Found, error) {
	for len(parts) > 0 {
		part, rest := parts[0], parts[1:]
		if part == ".." {
			dir, parts = path.Dir(dir), rest
			continue
		}
		p := path.Join(dir, part)
		s := w.tree.scan(dir, p, w.top)
		if !s.found {
			return Found{}, s.missing()
		}
		f := Found{Path: p, Layer: s.layer, Node: s.node}
		switch {
		case s.node.Kind == Symlink:
			return w.follow(dir, s, f, rest)
		case s.node.Kind == Link:
			var err error
			if f, err = w.origin(f); err != nil {
				return Found{}, err
			}
		}
		if len(rest) == 0 {
			return f, nil
		}
		if f.Node.Kind != Dir && f.Node.Kind != Implied && !s.inside {
			return Found{}, fs.ErrNotExist
		}
		dir, parts = p, rest
	}
	return Found{Path: dir, Node: Node{Kind: Dir}}, nil
}

// follow follows the symlink f. A layer that puts something below a link without
// listing a folder there is understood in two ways: Docker's overlay makes it a folder,
// containerd follows the link. What either finds is there.
func (w *walk) follow(dir string, s scan, f Found, rest []string) (Found, error) {
	if s.inside && len(rest) > 0 {
		if found, err := w.to(f.Path, rest); err == nil {
			return found, nil
		}
	}
	if w.links--; w.links < 0 {
		return Found{}, ErrLoop
	}
	if strings.HasPrefix(f.Node.Link, "/") {
		dir = "."
	}
	return w.to(dir, append(split(f.Node.Link), rest...))
}

// origin finds the file of a hard link to a lower layer.
func (w *walk) origin(f Found) (Found, error) {
	if w.links--; w.links < 0 {
		return Found{}, ErrLoop
	}
	below := walk{tree: New(w.tree.layers[:f.Layer+1], w.tree.fold), top: f.Layer, links: w.links}
	target, err := below.to(".", split(f.Node.Link))
	if err != nil {
		return Found{}, err
	}
	f.Node, f.Layer = target.Node, target.Layer
	return f, nil
}
