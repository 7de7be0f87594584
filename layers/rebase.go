package layers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/place"
)

// Annotations that say what an image was built on (image-spec: annotations.md).
const (
	AnnotationBaseName   = "org.opencontainers.image.base.name"
	AnnotationBaseDigest = "org.opencontainers.image.base.digest"
)

// A Base is an image that others are built on.
type Base struct {
	Source place.Source
	Root   v1.Descriptor
	Name   string // for the annotation; may be empty
}

// RebaseOptions say what an image stands on, and what it is to stand on.
type RebaseOptions struct {
	EditOptions
	Old, New Base
}

// ErrNotBase is returned for an old base that the image was not built on.
var ErrNotBase = errors.New("that is not what it was built on")

// Rebase puts every image of root from an old base on a new one, without reading a
// layer. Settings that it has from the old base become those of the new one; its own
// stay. The lowest layers of each image must be those of the old base for its
// platform, else the error wraps [ErrNotBase].
func (b *Bench) Rebase(ctx context.Context, root v1.Descriptor, o RebaseOptions) (*Result, error) {
	r := &rebaser{b: b, o: o}
	var err error
	if r.old, err = basesOf(ctx, o.Old); err != nil {
		return nil, fmt.Errorf("old base: %w", err)
	}
	if r.new, err = basesOf(ctx, o.New); err != nil {
		return nil, fmt.Errorf("new base: %w", err)
	}
	return b.edit(ctx, root, o.EditOptions, edit{do: r.do, content: true, index: r.index})
}

type rebaser struct {
	b        *Bench
	o        RebaseOptions
	old, new []image.Entry
}

func basesOf(ctx context.Context, b Base) ([]image.Entry, error) {
	doc, err := place.ReadManifest(ctx, b.Source, b.Root)
	if err != nil {
		return nil, err
	}
	return image.Platforms(ctx, b.Source, doc)
}

// pick returns the image of a base for the platform p.
func pick(ctx context.Context, b Base, entries []image.Entry, p arch.Platform) (*Image, error) {
	have := platformsOf(entries)
	i, fit := arch.Select(have, p)
	if i < 0 || fit != arch.Exact {
		return nil, &arch.MissingError{Missing: []arch.Platform{p}, Have: have}
	}
	return readImage(ctx, b.Source, entries[i])
}

func (r *rebaser) do(ctx context.Context, d *draft) error {
	was, err := pick(ctx, r.o.Old, r.old, d.Platform)
	if err != nil {
		return fmt.Errorf("old base: %w", err)
	}
	is, err := pick(ctx, r.o.New, r.new, d.Platform)
	if err != nil {
		return fmt.Errorf("new base: %w", err)
	}
	n := len(was.Config.RootFS.DiffIDs)
	if shared(was, d.Image) != n {
		return fmt.Errorf("old base %s: %w: it begins with %d of the %d layers", was.Manifest.Descriptor.Digest, ErrNotBase, shared(was, d.Image), n)
	}
	file := d.config.File
	d.pad()
	file.RootFS.DiffIDs = slices.Concat(is.Config.RootFS.DiffIDs, file.RootFS.DiffIDs[n:])
	file.History = slices.Concat(is.Config.History, file.History[historyOf(was.Config, file.History, n):])
	d.manifest.Layers = slices.Concat(r.layersOf(is, d), d.manifest.Layers[n:])
	inherit(&file.Config, &was.Config.Config, &is.Config.Config)
	if d.manifest.Annotations == nil {
		d.manifest.Annotations = map[string]string{}
	}
	d.manifest.Annotations[AnnotationBaseDigest] = is.Manifest.Descriptor.Digest.String()
	if r.o.New.Name != "" {
		d.manifest.Annotations[AnnotationBaseName] = r.o.New.Name
	}
	d.why = append(d.why, "stands on "+is.Manifest.Descriptor.Digest.String())
	return nil
}

// index says of the index what it stands on.
func (r *rebaser) index(idx *v1.IndexManifest) string {
	if idx.Annotations == nil {
		idx.Annotations = map[string]string{}
	}
	idx.Annotations[AnnotationBaseDigest] = r.o.New.Root.Digest.String()
	if r.o.New.Name != "" {
		idx.Annotations[AnnotationBaseName] = r.o.New.Name
	}
	return "stands on " + r.o.New.Root.Digest.String()
}

// layersOf returns the layers of a base as they stand in the manifest of d, and sees
// to it that they are found.
func (r *rebaser) layersOf(is *Image, d *draft) []v1.Descriptor {
	ds := slices.Clone(is.Manifest.Image.Layers)
	for i, l := range ds {
		r.b.route(r.o.New.Source, l)
		if is.Manifest.Descriptor.MediaType == d.Manifest.Descriptor.MediaType {
			continue
		}
		if k, foreign, known := kindOfType(l.MediaType); known && foreign {
			ds[i].MediaType = foreignType(d.Manifest.Descriptor.MediaType, k)
		} else if known && packing(d.Manifest.Descriptor.MediaType, k) == k {
			ds[i].MediaType = layerType(d.Manifest.Descriptor.MediaType, k)
		}
	}
	return ds
}

// historyOf returns how many entries of the history tell of the base, which has n
// layers: all of the base's own, if it begins with them, else those of its layers.
func historyOf(was *v1.ConfigFile, history []v1.History, n int) int {
	own := len(was.History)
	same := func(a, b v1.History) bool { return a.CreatedBy == b.CreatedBy && a.EmptyLayer == b.EmptyLayer }
	if own <= len(history) && slices.EqualFunc(was.History, history[:own], same) && count(was.History) == n {
		return own
	}
	for i, h := range history {
		if n == 0 {
			return i
		}
		if !h.EmptyLayer {
			n--
		}
	}
	return len(history)
}

func count(history []v1.History) (n int) {
	for _, h := range history {
		if !h.EmptyLayer {
			n++
		}
	}
	return n
}

// inherit gives c what the base has now, wherever it had what the base had before.
func inherit(c, was, is *v1.Config) {
	env := inheritAll(envOf(c.Env), envOf(was.Env), envOf(is.Env))
	c.Env = envList(env, is.Env, c.Env)
	c.Labels = inheritAll(c.Labels, was.Labels, is.Labels)
	c.ExposedPorts = inheritAll(c.ExposedPorts, was.ExposedPorts, is.ExposedPorts)
	c.Volumes = inheritAll(c.Volumes, was.Volumes, is.Volumes)
	mine, old, now := reflect.ValueOf(c).Elem(), reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem()
	for i := range mine.NumField() {
		switch mine.Type().Field(i).Name {
		case "Env", "Labels", "ExposedPorts", "Volumes":
		default:
			if reflect.DeepEqual(mine.Field(i).Interface(), old.Field(i).Interface()) {
				mine.Field(i).Set(now.Field(i))
			}
		}
	}
}

func inheritAll[V comparable](mine, old, now map[string]V) map[string]V {
	all := maps.Clone(now)
	for k, v := range mine {
		if was, inherited := old[k]; inherited && was == v {
			continue
		}
		if all == nil {
			all = map[string]V{}
		}
		all[k] = v
	}
	for k := range old { // what was taken away stays away
		if _, ok := mine[k]; !ok {
			delete(all, k)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func envOf(list []string) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		m[envName(kv)] = kv
	}
	return m
}

// envList is env in the order of the base, and then of the image.
func envList(env map[string]string, orders ...[]string) []string {
	var list []string
	for _, order := range orders {
		for _, kv := range order {
			if v, ok := env[envName(kv)]; ok {
				list = append(list, v)
				delete(env, envName(kv))
			}
		}
	}
	return list
}

// BaseOf returns what an image says it was built on: in its index, or in the first of
// the manifests that o asks for or in its labels. Both are empty if it does not say.
func BaseOf(ctx context.Context, src place.Source, root v1.Descriptor, o Options) (name, digest string, err error) {
	doc, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return "", "", err
	}
	if doc.Index != nil && doc.Index.Annotations[AnnotationBaseName] != "" {
		return doc.Index.Annotations[AnnotationBaseName], doc.Index.Annotations[AnnotationBaseDigest], nil
	}
	entries, err := image.Platforms(ctx, src, doc)
	if err != nil {
		return "", "", err
	}
	chosen, err := o.choose(entries)
	if err != nil {
		return "", "", err
	}
	img, err := readImage(ctx, src, entries[chosen[0]])
	if err != nil {
		return "", "", err
	}
	for _, said := range []map[string]string{img.Manifest.Image.Annotations, img.Config.Config.Labels} {
		if said[AnnotationBaseName] != "" {
			return said[AnnotationBaseName], said[AnnotationBaseDigest], nil
		}
	}
	return "", "", nil
}

func envName(kv string) string {
	name, _, _ := strings.Cut(kv, "=")
	return name
}
