package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/place"
)

// Parents say how much of the layers of an image is read for the owners and modes of
// the folders that something is put into.
type Parents string

const (
	// ParentsAuto reads what is near, and of what is far the lowest layer and those
	// on top, as far as they have no more than 64 MiB together. A folder
	// that is not found so is left to the engine.
	ParentsAuto Parents = "auto"
	// ParentsBase reads every layer that it takes to know.
	ParentsBase Parents = "base"
	// ParentsNone reads nothing, and leaves all folders to the engine: containerd
	// keeps them as they are, Docker and Podman make them root's, for all to read.
	ParentsNone Parents = "none"
)

// parentsBytes is what [ParentsAuto] fetches at most: the root file systems of the
// usual distributions, and no models.
const parentsBytes = 64 << 20

// A ground is what is known of an image that something is put on.
type ground struct {
	tree    *merge.Tree
	partial bool // not all layers were read
}

// ground reads the layers of img as p says.
func (r *reader) ground(ctx context.Context, img *Image, p Parents) (*ground, error) {
	g := &ground{tree: merge.New(img.isWindows()), partial: p == ParentsNone}
	if p == ParentsNone {
		return g, nil
	}
	ds := img.Manifest.Image.Layers
	read := r.affordable(ds, p)
	budget := new(merge.Budget)
	for i := len(ds) - 1; i >= 0; i-- {
		if !read[i] {
			g.partial = true
			continue
		}
		t, err := r.table(ctx, ds[i], merge.Options{Layer: i, Fold: img.isWindows(), Budget: budget})
		if errors.Is(err, place.ErrNotFound) && !ds[i].MediaType.IsDistributable() {
			g.partial = true // a foreign layer that no registry holds
			continue
		}
		if err != nil {
			return nil, err
		}
		g.tree.Under(t)
	}
	return g, nil
}

// affordable says which layers are read.
func (r *reader) affordable(ds []v1.Descriptor, p Parents) []bool {
	read := make([]bool, len(ds))
	left := int64(parentsBytes)
	afford := func(i int) {
		if !read[i] && (p == ParentsBase || !r.o.Spool || ds[i].Size <= left) {
			read[i] = true
			left -= ds[i].Size
		}
	}
	if len(ds) > 0 {
		afford(0)
	}
	for i := range slices.Backward(ds) {
		afford(i)
	}
	return read
}

// folder returns where in the image the folder name is, links followed, and what is
// known of it; known is false if only layers that were not read could tell.
func (g *ground) folder(name string) (at string, f *merge.File, known bool, err error) {
	at, known = ".", true
	parts := splitPath(name)
	for i, part := range parts {
		e, err := g.tree.Lookup(path.Join(at, part), true)
		if errors.Is(err, fs.ErrNotExist) {
			return path.Join(append([]string{at}, parts[i:]...)...), nil, !g.partial, nil
		}
		if err != nil {
			return "", nil, false, err
		}
		if !e.File.IsDir() {
			return "", nil, false, fmt.Errorf("%.200q is %s in the image, not a folder", e.Name, kindOf(e.File))
		}
		at, f = e.Name, orImplied(e.File)
	}
	return at, f, f != nil || !g.partial, nil
}

// has reports whether the image has name itself, as far as that is known.
func (g *ground) has(name string) (has, known bool) {
	_, err := g.tree.Lookup(name, false)
	return err == nil, err == nil || !g.partial
}

func splitPath(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}
