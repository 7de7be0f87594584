package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// A Listing is what is in an image, or in one layer of it. Its JSON form is part of
// dray's contract; strings in it come from outside.
type Listing struct {
	Digest   v1.Hash    `json:"digest"` // of the manifest
	Platform string     `json:"platform"`
	Layers   []LayerSum `json:"layers"`
	Files    []FileInfo `json:"files"` // sorted by path
	Waste    *Waste     `json:"waste,omitempty"`
}

// A LayerSum is a layer in figures.
type LayerSum struct {
	Digest  v1.Hash `json:"digest"`
	Size    int64   `json:"size"`    // bytes as it is stored
	Entries int     `json:"entries"` // names that it sets or hides
	Bytes   int64   `json:"bytes"`   // of the content of its files
}

// A FileInfo is one name in an image.
type FileInfo struct {
	Path     string            `json:"path"` // from the root, no slash in front
	Type     string            `json:"type"` // file, folder, symlink, hardlink, char, block, pipe, whiteout, opaque
	Mode     string            `json:"mode"` // as ls shows it
	UID      int               `json:"uid"`
	GID      int               `json:"gid"`
	User     string            `json:"user,omitempty"`
	Group    string            `json:"group,omitempty"`
	Size     int64             `json:"size"`
	Modified time.Time         `json:"modified,omitzero"`
	Link     string            `json:"link,omitempty"`   // of links: where to
	Device   string            `json:"device,omitempty"` // of devices: major,minor
	Xattrs   map[string]string `json:"xattrs,omitempty"` // and other records
	Layer    int               `json:"layer"`            // that has it, from 0
}

// FilesOptions say what to list. The zero value lists everything.
type FilesOptions struct {
	Options
	Under []string // only these files and folders, with what is in them
	// Layer, if not nil, lists this layer alone, whiteouts as such. Negative numbers
	// count from the top: -1 is the last.
	Layer *int
}

// Files lists what is in one image of root. Every layer is read once.
func Files(ctx context.Context, src place.Source, root v1.Descriptor, o FilesOptions) (l *Listing, err error) {
	img, err := One(ctx, src, root, o.Options)
	if err != nil {
		return nil, err
	}
	r := newReader(src, o.Options)
	defer func() { err = errors.Join(err, r.close()) }()
	l = &Listing{Digest: img.Manifest.Descriptor.Digest, Platform: img.Platform.String(), Files: []FileInfo{}, Layers: []LayerSum{}}
	if o.Layer != nil {
		return l, r.listLayer(ctx, img, l, o)
	}
	tables, err := r.tables(ctx, img, summer())
	if err != nil {
		return nil, err
	}
	for i, t := range tables {
		l.Layers = append(l.Layers, layerSum(img.Manifest.Image.Layers[i], t))
	}
	tree := merge.Of(tables, img.isWindows())
	l.Waste = wasteOf(tree, l.Layers)
	l.list(tree, o.Under)
	return l, l.check(o.Under)
}

func layerSum(d v1.Descriptor, t *merge.Table) LayerSum {
	return LayerSum{Digest: d.Digest, Size: d.Size, Entries: t.Entries, Bytes: t.Bytes}
}

// summer returns what tells contents apart: equal sums mean equal content. They are
// good for one run only, as the seed that keeps others from finding collisions is.
func summer() func(io.Reader) (uint64, error) {
	seed := maphash.MakeSeed()
	return func(r io.Reader) (uint64, error) {
		var h maphash.Hash
		h.SetSeed(seed)
		_, err := blob.Copy(context.Background(), &h, r) // the tar under r watches its own
		return h.Sum64(), err
	}
}

func (r *reader) listLayer(ctx context.Context, img *Image, l *Listing, o FilesOptions) error {
	ds := img.Manifest.Image.Layers
	n := *o.Layer
	if n < 0 {
		n += len(ds)
	}
	if n < 0 || n >= len(ds) {
		return fmt.Errorf("there is no layer %d: there are %d, from 0: %w", *o.Layer, len(ds), place.ErrNotFound)
	}
	table, err := r.table(ctx, ds[n], merge.Options{Layer: n, Fold: img.isWindows(), Budget: new(merge.Budget)})
	if err != nil {
		return err
	}
	l.Layers = append(l.Layers, layerSum(ds[n], table))
	tree := merge.Of([]*merge.Table{table}, img.isWindows())
	for _, m := range tree.Marks() {
		f := FileInfo{Path: m.Name, Type: "whiteout", Mode: "----------", Layer: n}
		if m.Opaque {
			f.Type = "opaque"
		}
		if isUnder(m.Name, o.Under) {
			l.Files = append(l.Files, f)
		}
	}
	l.list(tree, o.Under)
	slices.SortStableFunc(l.Files, func(a, b FileInfo) int { return strings.Compare(a.Path, b.Path) })
	return l.check(o.Under)
}

// list adds what tree has.
func (l *Listing) list(tree *merge.Tree, under []string) {
	first := map[*merge.File]string{}
	for e := range tree.All() {
		if !isUnder(e.Name, under) {
			continue
		}
		f := infoOf(e)
		if !e.File.IsDir() {
			if target, ok := first[e.File]; ok {
				f.Type, f.Link = "hardlink", target
			} else {
				first[e.File] = e.Name
			}
		}
		l.Files = append(l.Files, f)
	}
}

// check fails if there is nothing of what was asked for.
func (l *Listing) check(under []string) error {
	if len(under) > 0 && len(l.Files) == 0 {
		return fmt.Errorf("there is nothing under %.300q: %w", strings.Join(under, ", "), place.ErrNotFound)
	}
	return nil
}

func isUnder(name string, under []string) bool {
	return len(under) == 0 || slices.ContainsFunc(under, func(dir string) bool {
		dir = strings.Trim(dir, "/")
		return dir == "" || dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
	})
}

func infoOf(e merge.Entry) FileInfo {
	f := FileInfo{Path: e.Name, Layer: e.Layer, Type: "folder", Mode: modeOf(e.File)}
	if e.File == nil {
		return f
	}
	f.UID, f.GID, f.Size, f.Modified, f.Link, f.Xattrs = e.File.UID, e.File.GID, e.File.Size, e.File.ModTime.UTC(), e.File.Link, e.File.Records
	if o := e.File.Owner; o != nil {
		f.User, f.Group = o.User, o.Group
	}
	switch e.File.Type {
	case tar.TypeReg:
		f.Type = "file"
	case tar.TypeSymlink:
		f.Type = "symlink"
	case tar.TypeLink:
		f.Type = "hardlink"
	case tar.TypeChar, tar.TypeBlock:
		f.Type = map[byte]string{tar.TypeChar: "char", tar.TypeBlock: "block"}[e.File.Type]
		f.Device = fmt.Sprintf("%d,%d", e.File.Devmajor, e.File.Devminor)
	case tar.TypeFifo:
		f.Type = "pipe"
	}
	return f
}

// modeOf is the mode as ls writes it: drwxr-sr-t.
func modeOf(f *merge.File) string {
	kind := byte('d')
	if f != nil {
		kind = map[byte]byte{tar.TypeReg: '-', tar.TypeLink: '-', tar.TypeSymlink: 'l', tar.TypeChar: 'c', tar.TypeBlock: 'b', tar.TypeFifo: 'p', tar.TypeDir: 'd'}[f.Type]
	}
	b := []byte{kind, '-', '-', '-', '-', '-', '-', '-', '-', '-'}
	perm := f.Perm()
	for i := range 9 {
		if perm&(1<<(8-i)) != 0 {
			b[i+1] = "rwx"[i%3]
		}
	}
	for i, special := range []struct {
		bit          int64
		with, noExec byte
	}{{0o4000, 's', 'S'}, {0o2000, 's', 'S'}, {0o1000, 't', 'T'}} {
		if perm&special.bit == 0 {
			continue
		}
		if at := 3 * (i + 1); b[at] == 'x' {
			b[at] = special.with
		} else {
			b[at] = special.noExec
		}
	}
	return string(b)
}
