package rootfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// A Content is where the content of a file begins in the compressed layer: in a stream of its
// own, gzip or zstd, that goes on to the end of the file at least.
type Content struct {
	Offset int64 // in the layer, of the stream
	Inner  int64 // bytes of the stream before the content
	Size   int64 // of the file
}

// tocEntry is what is needed of an entry in the table of contents of eStargz
// (containerd/stargz-snapshotter, docs/estargz.md) and zstd:chunked, which took it over.
type tocEntry struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	LinkName    string `json:"linkName"`
	Mode        int64  `json:"mode"`
	Size        int64  `json:"size"`
	Offset      int64  `json:"offset"`
	InnerOffset int64  `json:"innerOffset"`
}

// ReadTOC returns the table of a layer from its table of contents, which is JSON. No file
// was looked at: [Tree.Content] says where each can be.
func ReadTOC(r io.Reader, budget *Budget) (*Layer, error) {
	b := newBuilder(budget)
	if err := b.readTOC(json.NewDecoder(r)); err != nil {
		budget.Release(b.Layer)
		return nil, fmt.Errorf("reading table of contents: %w", noEOF(err))
	}
	return b.Layer, nil
}

// readTOC goes through the one object there is; of its keys, entries is of interest.
func (b *builder) readTOC(dec *json.Decoder) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errors.New("it is no object"))
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if key != "entries" {
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		if err := b.readEntries(dec); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func (b *builder) readEntries(dec *json.Decoder) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, errors.New("its entries are no list"))
	}
	for dec.More() {
		var e tocEntry
		if err := dec.Decode(&e); err != nil {
			return err
		}
		if e.Type == "chunk" { // a later part of a file
			continue
		}
		if err := b.add(e.Name, b.tocNode(e)); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func (b *builder) tocNode(e tocEntry) Node {
	n := Node{Kind: Device, Mode: uint16(e.Mode & 0o7777)}
	switch e.Type {
	case "reg":
		n.Kind = File
		if e.Offset >= 0 && e.InnerOffset >= 0 && e.Size >= 0 && len(b.contents) < math.MaxInt32 {
			b.contents = append(b.contents, Content{e.Offset, e.InnerOffset, e.Size})
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
