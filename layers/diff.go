package layers

import (
	"archive/tar"
	"context"
	"errors"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/place"
)

// A Difference is how one image differs from another. Its JSON form is part of
// dray's contract; strings in it come from outside.
type Difference struct {
	Same   bool              `json:"same"` // no difference but in digests
	Before Side              `json:"before"`
	After  Side              `json:"after"`
	Layers []LayerChange     `json:"layers"` // first those that both have
	Config []settings.Change `json:"config"`
	Files  []FileChange      `json:"files"` // sorted by path
}

// A Side is one of the images that are compared.
type Side struct {
	Digest   v1.Hash `json:"digest"` // of the manifest
	Platform string  `json:"platform"`
	Size     int64   `json:"size"` // of all layers as they are stored
	Waste    *Waste  `json:"waste,omitempty"`
}

// A LayerChange is a layer that is in one image, or in both.
type LayerChange struct {
	Kind   string  `json:"kind"` // same, removed, added, repacked (same content, compressed in another way)
	Digest v1.Hash `json:"digest"`
	Size   int64   `json:"size"`
}

// A FileChange is one path that is not the same in both.
type FileChange struct {
	Path string `json:"path"`
	// Kind is added, removed, changed (other content or another type), or metadata
	// (the same content with another mode, owner, attribute or, if asked for, time).
	Kind   string   `json:"kind"`
	Before int64    `json:"before"` // size; 0 if it was not there
	After  int64    `json:"after"`
	What   []string `json:"what,omitempty"` // type, content, mode, owner, link, device, xattrs, time
}

// DiffOptions say how to compare.
type DiffOptions struct {
	Options
	Times    bool // files that differ in nothing but their time are different
	MetaOnly bool // read no layers: compare layers and config only
}

// Diff compares the image of a at one source with that of b at another. Layers that
// both have are read once.
func Diff(ctx context.Context, srcA place.Source, a v1.Descriptor, srcB place.Source, b v1.Descriptor, o DiffOptions) (d *Difference, err error) {
	imgA, err := One(ctx, srcA, a, o.Options)
	if err != nil {
		return nil, err
	}
	imgB, err := One(ctx, srcB, b, o.Options)
	if err != nil {
		return nil, err
	}
	d = &Difference{
		Before: sideOf(imgA), After: sideOf(imgB), Layers: layerChanges(imgA, imgB),
		Config: settings.Diff(imgA.Config, imgB.Config), Files: []FileChange{},
	}
	sameLayers := slices.Equal(imgA.Config.RootFS.DiffIDs, imgB.Config.RootFS.DiffIDs)
	if !o.MetaOnly {
		if err := d.readFiles(ctx, [2]place.Source{srcA, srcB}, [2]*Image{imgA, imgB}, sameLayers, o); err != nil {
			return nil, err
		}
	}
	d.Same = len(d.Config) == 0 && len(d.Files) == 0 && (sameLayers || !o.MetaOnly)
	return d, nil
}

func sideOf(img *Image) Side {
	s := Side{Digest: img.Manifest.Descriptor.Digest, Platform: img.Platform.String()}
	for _, l := range img.Manifest.Image.Layers {
		s.Size += l.Size
	}
	return s
}

func layerChanges(a, b *Image) []LayerChange {
	changes := []LayerChange{}
	la, lb := a.Manifest.Image.Layers, b.Manifest.Image.Layers
	same := shared(a, b)
	for i := range same {
		c := LayerChange{"same", lb[i].Digest, lb[i].Size}
		if la[i].Digest != lb[i].Digest {
			c.Kind = "repacked"
		}
		changes = append(changes, c)
	}
	for _, l := range la[same:] {
		changes = append(changes, LayerChange{"removed", l.Digest, l.Size})
	}
	for _, l := range lb[same:] {
		changes = append(changes, LayerChange{"added", l.Digest, l.Size})
	}
	return changes
}

// shared returns how many of the lowest layers a and b have in common.
func shared(a, b *Image) int {
	n := 0
	for n < min(len(a.Config.RootFS.DiffIDs), len(b.Config.RootFS.DiffIDs)) && a.Config.RootFS.DiffIDs[n] == b.Config.RootFS.DiffIDs[n] {
		n++
	}
	return n
}

// readFiles compares what is in the layers.
func (d *Difference) readFiles(ctx context.Context, srcs [2]place.Source, imgs [2]*Image, sameLayers bool, o DiffOptions) (err error) {
	var trees [2]*merge.Tree
	var tables [2][]*merge.Table
	var sums [2][]LayerSum
	sum := summer()
	for i, img := range imgs {
		if i == 1 && sameLayers {
			break
		}
		r := newReader(srcs[i], o.Options)
		defer func() { err = errors.Join(err, r.close()) }()
		var have []*merge.Table
		if i == 1 && imgs[0].isWindows() == img.isWindows() {
			have = tables[0][:shared(imgs[0], img)]
		}
		if tables[i], err = r.tables(ctx, img, sum, have...); err != nil {
			return err
		}
	}
	for i := range tables {
		for n, t := range tables[i] {
			sums[i] = append(sums[i], layerSum(imgs[i].Manifest.Image.Layers[n], t))
		}
		trees[i] = merge.Of(tables[i], imgs[i].isWindows())
	}
	d.Before.Waste = wasteOf(trees[0], sums[0])
	if sameLayers {
		d.After.Waste = d.Before.Waste
		return nil
	}
	d.After.Waste = wasteOf(trees[1], sums[1])
	d.Files = compareFiles(trees[0], trees[1], o.Times)
	return nil
}

func compareFiles(a, b *merge.Tree, times bool) []FileChange {
	before, after := byName(a), byName(b)
	names := maps.Clone(before)
	maps.Copy(names, after)
	changes := []FileChange{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fa, inA := before[name]
		fb, inB := after[name]
		c := FileChange{Path: name, Before: sizeOf(fa), After: sizeOf(fb)}
		switch {
		case !inA:
			c.Kind = "added"
		case !inB:
			c.Kind = "removed"
		default:
			c.Kind, c.What = compare(fa, fb, times)
		}
		if c.Kind != "" {
			changes = append(changes, c)
		}
	}
	return changes
}

func byName(t *merge.Tree) map[string]*merge.File {
	m := map[string]*merge.File{}
	for e := range t.All() {
		m[e.Name] = e.File
	}
	return m
}

func sizeOf(f *merge.File) int64 {
	if f == nil {
		return 0
	}
	return f.Size
}

// compare says how a differs from b; kind is empty if it does not.
func compare(a, b *merge.File, times bool) (kind string, what []string) {
	a, b = orImplied(a), orImplied(b)
	add := func(differ bool, word string) {
		if differ {
			what = append(what, word)
		}
	}
	add(a.Type != b.Type, "type")
	add(a.Type == tar.TypeReg && b.Type == tar.TypeReg && (a.Size != b.Size || a.Sum != b.Sum), "content")
	add(a.Link != b.Link, "link")
	add(a.Devmajor != b.Devmajor || a.Devminor != b.Devminor, "device")
	if len(what) > 0 {
		kind = "changed"
	}
	add(a.Perm() != b.Perm(), "mode")
	add(a.UID != b.UID || a.GID != b.GID, "owner")
	add(!maps.Equal(a.Records, b.Records), "xattrs")
	add(times && !a.ModTime.Equal(b.ModTime), "time")
	if kind == "" && len(what) > 0 {
		kind = "metadata"
	}
	return kind, what
}

// orImplied is a folder as engines make one that no layer lists.
func orImplied(f *merge.File) *merge.File {
	if f == nil {
		return &merge.File{Type: tar.TypeDir, Mode: 0o755}
	}
	return f
}
