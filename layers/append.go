package layers

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/moby/patternmatcher"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// AppendOptions say what to put on an image.
type AppendOptions struct {
	EditOptions
	Layers  []LayerFile // each a layer of its own, in this order
	Add     []Addition  // together with Delete the layer on top of those
	Delete  []string    // what the image has and shall not have any more
	Ignore  []string    // .dockerignore patterns for folders that are added
	Parents Parents     // empty means ParentsAuto
	// Compress is how layers are packed that are made here, or not packed yet.
	Compress compress.Kind
	// Time is that of everything added, and of the entries in the history.
	Time time.Time
	// SetCreated makes Time the time of the image too.
	SetCreated bool
	Author     string
	Message    string // comment in the history
	// Judge, if set, is asked about each new layer before it goes on an image: probe is an
	// image in src for the same platform that has nothing but this layer. Its error ends
	// the work.
	Judge func(ctx context.Context, src place.Source, probe v1.Descriptor) error
}

// A LayerFile is a tar that becomes a layer: plain, gzip or zstd.
type LayerFile struct {
	Path     string
	Platform *arch.Platform // the only one that gets it; nil: all
}

// Append puts layers on every image of root that o asks for. What the images have is
// not read, unless it takes owners and modes of folders.
func (b *Bench) Append(ctx context.Context, root v1.Descriptor, o AppendOptions) (*Result, error) {
	ap := &appender{b: b, o: o, files: map[string]*madeLayer{}, used: map[any]bool{}}
	if len(o.Ignore) > 0 {
		var err error
		if ap.ignore, err = patternmatcher.New(o.Ignore); err != nil {
			return nil, fmt.Errorf("reading ignore patterns: %w", err)
		}
	}
	res, err := b.edit(ctx, root, o.EditOptions, edit{do: ap.do, content: true})
	if err != nil {
		return nil, err
	}
	for _, l := range o.Layers {
		if !ap.used[l] {
			return nil, unusedError(l.Path, l.Platform)
		}
	}
	for _, add := range o.Add {
		if !ap.used[add] {
			return nil, unusedError(add.Source, add.Platform)
		}
	}
	return res, nil
}

func unusedError(path string, p *arch.Platform) error {
	return fmt.Errorf("%s is for %s, which is not there: %w", path, p, place.ErrNotFound)
}

// An appender puts the same things on one image after the other.
type appender struct {
	b      *Bench
	o      AppendOptions
	ignore *patternmatcher.PatternMatcher
	files  map[string]*madeLayer // by path and how it is packed
	used   map[any]bool          // which of o.Layers and o.Add were
}

func (a *appender) do(ctx context.Context, d *draft) error {
	for _, l := range a.o.Layers {
		if !fits(l.Platform, d.Platform) {
			continue
		}
		a.used[l] = true
		made, err := a.file(ctx, l.Path, d)
		if err != nil {
			return err
		}
		if err := a.push(ctx, d, made, "layer "+filepath.Base(l.Path)); err != nil {
			return err
		}
	}
	var add []Addition
	for _, one := range a.o.Add {
		if fits(one.Platform, d.Platform) {
			a.used[one] = true
			add = append(add, one)
		}
	}
	if len(add)+len(a.o.Delete) > 0 {
		made, err := a.overlay(ctx, d, add)
		if err != nil {
			return err
		}
		if err := a.push(ctx, d, made, summary(add, a.o.Delete)); err != nil {
			return err
		}
	}
	if len(d.why) > 0 && a.o.SetCreated {
		d.config.File.Created = v1.Time{Time: a.o.Time.UTC()}
	}
	return nil
}

// fits reports whether what was said to be for want, or for all, goes on an image for have.
func fits(want *arch.Platform, have arch.Platform) bool {
	if want == nil {
		return true
	}
	fit, _ := arch.Match(*want, have)
	return fit == arch.Exact
}

// summary is what the history says of files that were added and deleted. Where they
// came from is not in it: equal layers give equal images.
func summary(add []Addition, remove []string) string {
	var words []string
	for _, one := range add {
		words = append(words, "add "+one.Dest)
	}
	for _, name := range remove {
		words = append(words, "delete "+name)
	}
	return strings.Join(words, ", ")
}

func (a *appender) push(ctx context.Context, d *draft, l *madeLayer, what string) error {
	if a.o.Judge != nil {
		if err := a.judge(ctx, d, l, what); err != nil {
			return err
		}
	}
	d.push(l, v1.History{Created: v1.Time{Time: a.o.Time.UTC()}, CreatedBy: "dray append: " + what, Author: a.o.Author, Comment: a.o.Message})
	d.why = append(d.why, what)
	return nil
}

// judge asks about l alone, for the platform of d.
func (a *appender) judge(ctx context.Context, d *draft, l *madeLayer, what string) error {
	p := d.Config
	config, err := json.Marshal(v1.ConfigFile{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures,
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{l.DiffID}},
	})
	if err != nil {
		return err
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: a.b.doc(types.OCIConfigJSON, config), Layers: []v1.Descriptor{l.Descriptor}}
	probe, err := a.b.put(m)
	if err != nil {
		return err
	}
	if err := a.o.Judge(ctx, a.b, probe); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// overlay makes the layer of what is added and deleted.
func (a *appender) overlay(ctx context.Context, d *draft, additions []Addition) (l *madeLayer, err error) {
	r := a.b.reader(a.o.Options)
	parents := a.o.Parents
	if parents == "" {
		parents = ParentsAuto
	}
	base, err := r.ground(ctx, d.Image, parents)
	if err != nil {
		return nil, err
	}
	o := newOverlay(base, a.o.Time)
	defer func() { err = errors.Join(err, o.close()) }()
	windows := d.isWindows()
	if windows {
		o.windowsRoots()
	}
	for _, name := range a.o.Delete {
		if windows {
			name = windowsName(name)
		}
		if err := o.remove(name); err != nil {
			return nil, err
		}
	}
	for _, add := range additions {
		if err := add.into(ctx, o, a.ignore, windows); err != nil {
			return nil, err
		}
	}
	if base.partial && parents == ParentsAuto {
		a.o.noteHint("--parents base reads all layers for it", "folders above what is added are left to the engine where no layer was small enough to look for their owner and mode")
	}
	mt := d.Manifest.Descriptor.MediaType
	return a.b.layer(mt, packing(mt, a.o.Compress), o.write)
}

// A missingError says that there is nothing to delete.
type missingError struct{ name string }

func (e *missingError) Error() string {
	return fmt.Sprintf("deleting %.200q: it is not in the image", e.name)
}
func (e *missingError) Unwrap() error { return place.ErrNotFound }

// file makes a layer of a tar, once for all platforms.
func (a *appender) file(ctx context.Context, path string, d *draft) (*madeLayer, error) {
	mt := d.Manifest.Descriptor.MediaType
	key := fmt.Sprintf("%s %s %v", path, mt, d.isWindows())
	if l := a.files[key]; l != nil {
		return l, nil
	}
	l, err := a.readFile(ctx, path, d)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	a.files[key] = l
	return l, nil
}

// readFile reads a tar through: it must be one that can be a layer. One that is packed
// already is taken as it is, where the image can hold it so.
func (a *appender) readFile(ctx context.Context, path string, d *draft) (*madeLayer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	packed := newMeter(io.Discard)
	z, err := compress.NewReader(io.TeeReader(f, packed), compress.Limits{})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	plain := newMeter(io.Discard)
	table, err := merge.Read(ctx, io.TeeReader(z, plain), merge.Options{Fold: d.isWindows(), Budget: new(merge.Budget)})
	if err == nil {
		_, err = io.Copy(io.Discard, io.TeeReader(f, packed)) // what follows, if anything
	}
	if err = errors.Join(err, z.Close(), f.Close()); err != nil {
		return nil, err
	}
	mt := d.Manifest.Descriptor.MediaType
	switch {
	case d.isWindows() && !isWindowsLayer(table):
		a.o.note("%s has no Files and Hives: its files go into Files", path)
		return a.repack(mt, path, func(w io.Writer, r io.Reader) error {
			return windowsTar(merge.NewTarWriter(w), tar.NewReader(r), a.o.Time)
		})
	case z.Kind == compress.None && a.o.Compress != compress.None, packing(mt, z.Kind) != z.Kind:
		return a.repack(mt, path, func(w io.Writer, r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		})
	}
	l := &madeLayer{v1.Descriptor{MediaType: layerType(mt, z.Kind), Size: packed.n, Digest: packed.sum()}, plain.sum()}
	a.b.files[l.Digest] = path
	return l, nil
}

// repack makes a layer of what change writes of the plain tar in a file.
func (a *appender) repack(mt types.MediaType, path string, change func(io.Writer, io.Reader) error) (*madeLayer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	z, err := compress.NewReader(f, compress.Limits{})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	k := a.o.Compress
	if z.Kind != compress.None {
		k = z.Kind
	}
	l, err := a.b.layer(mt, packing(mt, k), func(w io.Writer) error { return change(w, z) })
	return l, errors.Join(err, z.Close(), f.Close())
}
