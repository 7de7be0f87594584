package rootfs

import (
	"io"
	"math"

	"github.com/dray-oci/dray/layers/toc"
)

// A Content is where the content of a file begins in the compressed layer: in a stream of its
// own, gzip or zstd, that goes on to the end of the file at least.
type Content struct {
	Offset int64 // in the layer, of the stream
	Inner  int64 // bytes of the stream before the content
	Size   int64 // of the file
}

// ReadTOC returns the table of a layer from its table of contents, which is JSON. No file
// was looked at: [Tree.Content] says where each can be.
func ReadTOC(r io.Reader, budget *Budget) (*Layer, error) {
	b := newBuilder(budget)
	err := toc.Entries(r, func(e toc.Entry) error {
		if e.Type == "chunk" { // a later part of a file
			return nil
		}
		return b.add(e.Name, b.tocNode(e))
	})
	if err != nil {
		budget.Release(b.Layer)
		return nil, err
	}
	return b.Layer, nil
}

func (b *builder) tocNode(e toc.Entry) Node {
	n := Node{Kind: Device, Mode: uint16(e.Mode & 0o7777)}
	switch e.Type {
	case "reg":
		n.Kind = File
		if e.Offset >= 0 && e.Inner >= 0 && e.Size >= 0 && len(b.contents) < math.MaxInt32 {
			b.contents = append(b.contents, Content{e.Offset, e.Inner, e.Size})
			n.content = int32(len(b.contents))
		}
	case "dir":
		n.Kind = Dir
	case "symlink":
		n.Kind, n.Link = Symlink, e.LinkName
	case "hardlink":
		n.Kind, n.Link = Link, e.LinkName
	}
	return n
}

// Content returns where the content of f can be read, if f is of a layer of which only the
// table of contents was read.
func (t *Tree) Content(f Found) (Content, bool) {
	if f.Node.content == 0 || f.Layer >= len(t.layers) || t.layers[f.Layer] == nil {
		return Content{}, false
	}
	contents := t.layers[f.Layer].contents
	if int(f.Node.content) > len(contents) {
		return Content{}, false
	}
	return contents[f.Node.content-1], true
}
