package layers

import (
	"archive/tar"
	"slices"
	"strings"

	"github.com/dray-oci/dray/layers/merge"
)

// A Waste is what the layers of an image carry without use. Sizes are in bytes, before
// compression. Its JSON form is part of dray's contract.
type Waste struct {
	Total int64 `json:"total"` // of all files in all layers
	Bytes int64 `json:"bytes"` // of files that higher layers hide
	// Efficiency is what dive shows under this name: for every path the smallest
	// version, and nothing if it is deleted in the end, in proportion to all versions.
	// 1 is best.
	Efficiency float64      `json:"efficiency"`
	Files      []WastedFile `json:"files"` // the largest first
}

// A WastedFile is a file that nobody sees.
type WastedFile struct {
	Path  string `json:"path"`
	Size  int64  `json:"size"`
	Layer int    `json:"layer"` // that has it
	By    int    `json:"by"`    // that hides it
	Why   string `json:"why"`   // deleted, replaced, duplicate (the same content again)
}

func wasteOf(t *merge.Tree, layers []LayerSum) *Waste {
	w := &Waste{Files: []WastedFile{}, Efficiency: 1}
	for _, l := range layers {
		w.Total += l.Bytes
	}
	visible, smallest := map[*merge.File]bool{}, map[string]int64{}
	for e := range t.All() {
		if e.File.IsDir() {
			continue
		}
		visible[e.File] = true
		smallest[e.Name] = e.File.Size
	}
	hidden := map[*merge.File]bool{}
	for _, h := range t.Hidden() {
		if h.File.Type != tar.TypeReg {
			continue
		}
		smallest[h.Name] = min(smallest[h.Name], h.File.Size) // 0 if it is not there in the end
		if visible[h.File] || hidden[h.File] {
			continue
		}
		hidden[h.File] = true
		w.Bytes += h.File.Size
		w.Files = append(w.Files, WastedFile{Path: h.Name, Size: h.File.Size, Layer: h.File.Layer, By: h.By, Why: why(h)})
	}
	w.Efficiency = efficiency(t, smallest)
	slices.SortStableFunc(w.Files, func(a, b WastedFile) int {
		if a.Size != b.Size {
			return int(min(1, max(-1, b.Size-a.Size)))
		}
		return strings.Compare(a.Path, b.Path)
	})
	return w
}

func why(h merge.Hidden) string {
	switch {
	case h.Deleted:
		return "deleted"
	case h.With != nil && h.With.Type == tar.TypeReg && h.With.Size == h.File.Size && h.With.Sum == h.File.Sum:
		return "duplicate"
	}
	return "replaced"
}

// efficiency compares the smallest versions of all paths with all versions. Other
// names of a file weigh nothing.
func efficiency(t *merge.Tree, smallest map[string]int64) float64 {
	var least, all int64
	seen := map[*merge.File]bool{}
	count := func(name string, f *merge.File) {
		if f == nil || f.Type != tar.TypeReg || seen[f] {
			return
		}
		seen[f] = true
		all += f.Size
		least += smallest[name]
		smallest[name] = 0 // once for each path
	}
	for e := range t.All() {
		count(e.Name, e.File)
	}
	for _, h := range t.Hidden() {
		count(h.Name, h.File)
	}
	if all == 0 {
		return 1
	}
	return float64(least) / float64(all)
}
