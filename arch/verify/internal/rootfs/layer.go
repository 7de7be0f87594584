// Package rootfs follows the file system that the layers of an image make together,
// without ever making it: each layer is read once into a table, and names are looked
// up through the tables from the top.
//
// The rules are those of overlay file systems and of image-spec: layer.md. What
// stands higher hides what stands lower, a whiteout hides lower layers only, also if the
// same layer puts something there, and links lead nowhere outside the root.
package rootfs

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/pkg/tario"
)

// A Kind is what stands under a name.
type Kind uint8

// The kinds. Implied is a folder that a layer does not list, but puts something into; a
// Link is a hard link to a file of a lower layer, others are files already.
const (
	Implied Kind = iota
	Dir
	File
	Symlink
	Link
	Device // also sockets and pipes
)

// A Node is what one layer says about one name.
type Node struct {
	Kind Kind
	Mode uint16    // permission bits
	Link string    // of symlinks as it is, of hard links cleaned
	Exe  *exe.File // nil if it is not executable, or was not looked at

	content int32 // which of the contents of its layer it has, from 1 on; 0 is none

	inside bool // the layer has something below this name
	white  bool // what lower layers have under this name is gone
	opaque bool // what lower layers have in this folder is gone
}

// IsExecutable reports whether anyone may execute the file.
func (n *Node) IsExecutable() bool { return n.Kind == File && n.Mode&0o111 != 0 }

// A Layer is the table of one layer. It is safe for concurrent use once it was read.
type Layer struct {
	Entries int      // how many the tar has
	Refused []string // the first names that no file can have, or that climb above the root

	nodes     map[string]Node
	contents  []Content // of a table that was made from a table of contents
	hasOpaque bool
	cost      int64
	foldMu    sync.Mutex
	folding   map[string]string // lower case to actual; made when first needed
}

// Bounds on tables. A name costs its bytes and what the map takes for an entry.
const (
	maxTableBytes = 512 << 20 // of all tables that a Budget is for: some three million files
	entryBytes    = 120
	maxRefused    = 5
)

// ErrTooLarge is returned when the tables would take more memory than they may.
var ErrTooLarge = errors.New("it has more files than can be judged")

// A Budget bounds the tables of many layers together. The zero value is ready, nil is
// no bound. It is safe for concurrent use.
type Budget struct {
	MaxBytes int64 // 0 means 512 MiB
	used     atomic.Int64
}

func (b *Budget) take(n int64) error {
	if b != nil && b.used.Add(n) > cmp.Or(b.MaxBytes, maxTableBytes) {
		return ErrTooLarge
	}
	return nil
}

// Release gives back what the table of l took, which is not used any more.
func (b *Budget) Release(l *Layer) {
	if b != nil && l != nil {
		b.used.Add(-l.cost)
	}
}

// Whiteouts (image-spec: layer.md).
const (
	whiteout    = ".wh."
	opaqueMark  = ".wh..wh..opq"
	whiteoutAll = ".wh..wh." // what else begins so, AUFS kept for itself
)

// A builder fills a Layer.
type builder struct {
	*Layer
	budget *Budget
}

func newBuilder(b *Budget) *builder {
	return &builder{Layer: &Layer{nodes: map[string]Node{}}, budget: b}
}

// add takes in one entry of the layer, under the name that the tar gives it.
func (b *builder) add(name string, n Node) error {
	b.Entries++
	clean, err := tario.CleanName(name)
	if err != nil {
		if len(b.Refused) < maxRefused {
			b.Refused = append(b.Refused, fmt.Sprintf("%.200s", name))
		}
		return nil
	}
	cost := int64(len(clean) + len(n.Link) + entryBytes)
	b.cost += cost
	if err := b.budget.take(cost); err != nil {
		return err
	}
	if clean == "." {
		return nil
	}
	dir, base := path.Split(clean)
	dir = path.Clean(dir)
	b.imply(dir)
	if rest, ok := strings.CutPrefix(base, whiteout); ok {
		b.hide(dir, base, rest)
		return nil
	}
	if n.Kind == Link {
		n = b.link(n)
	}
	old := b.nodes[clean]
	n.inside, n.white, n.opaque = old.inside, old.white, old.opaque
	b.nodes[clean] = n
	return nil
}

// hide takes in a whiteout.
func (b *builder) hide(dir, base, rest string) {
	switch {
	case base == opaqueMark:
		n := b.nodes[dir]
		n.opaque, b.hasOpaque = true, true
		b.nodes[dir] = n
	case strings.HasPrefix(base, whiteoutAll), rest == "":
	default:
		p := path.Join(dir, rest)
		n := b.nodes[p]
		n.white = true
		b.nodes[p] = n
	}
}

// imply marks dir, and what it stands in, as having something inside.
func (b *builder) imply(dir string) {
	for ; ; dir = path.Dir(dir) {
		n := b.nodes[dir]
		if n.inside {
			return
		}
		n.inside = true
		b.nodes[dir] = n
		if dir == "." {
			return
		}
	}
}

// link turns a hard link into what it links to if this layer has that already: it
// stays so whatever happens to the other name.
func (b *builder) link(n Node) Node {
	target, err := tario.CleanName(n.Link)
	if err != nil {
		return Node{Kind: Device}
	}
	if t, ok := b.nodes[target]; ok && (t.Kind == File || t.Kind == Symlink) {
		return Node{Kind: t.Kind, Mode: t.Mode, Link: t.Link, Exe: t.Exe, content: t.content}
	}
	n.Link = target
	return n
}

// node returns what the layer says of p.
func (l *Layer) node(p string, fold bool) (Node, bool) {
	if fold {
		p = l.actual(p)
	}
	n, ok := l.nodes[p]
	return n, ok
}

// actual returns the name in the layer that is p but for upper and lower case.
func (l *Layer) actual(p string) string {
	l.foldMu.Lock()
	defer l.foldMu.Unlock()
	if l.folding == nil {
		l.folding = make(map[string]string, len(l.nodes))
		for name := range l.nodes {
			l.folding[strings.ToLower(name)] = name
		}
	}
	if name, ok := l.folding[strings.ToLower(p)]; ok {
		return name
	}
	return p
}
