package layers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// annotationSubject is how BuildKit says which image an attestation entry of an index
// belongs to.
const annotationSubject = "vnd.docker.reference.digest"

// EditOptions are those of everything that makes new images from old ones.
type EditOptions struct {
	Options
	// Keep keeps the attestations of an index, and its annotations also where the
	// content of its images changes, though they speak of what was there before.
	Keep bool
}

// A Result is an image that was made.
type Result struct {
	Origin  v1.Descriptor // what it was made from
	Root    v1.Descriptor
	Changes []Change
}

// A Change is a digest that is another now. Its JSON form is part of dray's contract.
type Change struct {
	What     string            `json:"what"` // a platform, "index", or a layer
	Old      v1.Hash           `json:"old,omitzero"`
	New      v1.Hash           `json:"new"`
	OldSize  int64             `json:"oldSize"`
	NewSize  int64             `json:"newSize"`
	Why      string            `json:"why"`
	Settings []settings.Change `json:"settings,omitempty"`
}

// A draft is an image on its way to be another.
type draft struct {
	*Image
	manifest v1.Manifest
	config   *settings.Config
	why      []string // what was done to it
}

func newDraft(img *Image) (*draft, error) {
	config, err := settings.Parse(img.RawConfig)
	if err != nil {
		return nil, err
	}
	m := *img.Manifest.Image
	m.Layers = slices.Clone(m.Layers)
	m.Annotations = maps.Clone(m.Annotations)
	return &draft{Image: img, manifest: m, config: config}, nil
}

// push adds a layer with its entry of the history on top.
func (d *draft) push(l *madeLayer, h v1.History) {
	d.manifest.Layers = append(d.manifest.Layers, l.Descriptor)
	file := d.config.File
	d.pad()
	file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, l.DiffID)
	file.History = append(file.History, h)
}

// pad gives layers of which the history says nothing entries without words, so that
// what is added stands beside its own layer.
func (d *draft) pad() {
	file := d.config.File
	told := 0
	for _, h := range file.History {
		if !h.EmptyLayer {
			told++
		}
	}
	for ; told < len(file.RootFS.DiffIDs); told++ {
		file.History = append(file.History, v1.History{})
	}
}

// An edit is what happens to each image.
type edit struct {
	do      func(ctx context.Context, d *draft) error
	content bool // it changes what is in the images
	index   func(idx *v1.IndexManifest) string
}

// edit applies e to the images of root that o asks for, and returns what comes out: the
// image if it is one of several or no index, else an index of exactly those.
func (b *Bench) edit(ctx context.Context, root v1.Descriptor, o EditOptions, e edit) (*Result, error) {
	doc, err := place.ReadManifest(ctx, b.src, root)
	if err != nil {
		return nil, err
	}
	entries, err := image.Platforms(ctx, b.src, doc)
	if err != nil {
		return nil, err
	}
	chosen, err := o.choose(entries)
	if err != nil {
		return nil, err
	}
	res := &Result{Origin: doc.Descriptor}
	made := make([]v1.Descriptor, 0, len(chosen))
	for _, i := range chosen {
		d, err := b.one(ctx, res, entries[i], o, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOfEntry(entries[i]), err)
		}
		made = append(made, d)
	}
	if doc.Image != nil || len(chosen) == 1 && len(entries) > 1 {
		res.Root = made[0]
		res.Root.Platform, res.Root.Annotations = nil, nil
		return res, nil
	}
	return res, b.index(doc, entries, chosen, made, res, o, e)
}

func nameOfEntry(e image.Entry) string {
	if e.Platform.OS == "" {
		return e.Descriptor.Digest.String()
	}
	return e.Platform.String()
}

// choose returns the indexes of the entries that are asked for.
func (o Options) choose(entries []image.Entry) ([]int, error) {
	if !o.Platforms.IsZero() && !o.Platforms.All {
		return o.Platforms.Apply(platformsOf(entries), o.Host)
	}
	all := make([]int, len(entries))
	for i := range entries {
		all[i] = i
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no image in it: %w", place.ErrNotFound)
	}
	return all, nil
}

// one edits the image of e.
func (b *Bench) one(ctx context.Context, res *Result, e image.Entry, o EditOptions, ed edit) (v1.Descriptor, error) {
	if e.Platform.OS == "" && e.Descriptor.Platform == nil && !e.Descriptor.MediaType.IsImage() {
		o.note("%s in the index is no image: it stays as it is", e.Descriptor.Digest)
		return e.Descriptor, nil
	}
	img, err := readImage(ctx, b.src, e)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d, err := newDraft(img)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if err := ed.do(ctx, d); err != nil {
		return v1.Descriptor{}, err
	}
	return b.finish(res, d)
}

// finish keeps what d has become, and returns its descriptor as it stands in an index.
func (b *Bench) finish(res *Result, d *draft) (v1.Descriptor, error) {
	raw, err := d.config.Marshal()
	if err != nil {
		return v1.Descriptor{}, err
	}
	config := b.doc(d.manifest.Config.MediaType, raw)
	d.manifest.Config.Digest, d.manifest.Config.Size, d.manifest.Config.Data = config.Digest, config.Size, nil
	old := d.Entry.Descriptor
	if len(d.why) == 0 {
		return old, nil
	}
	now, err := b.put(d.manifest)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if now.Digest == old.Digest {
		return old, nil
	}
	res.Changes = append(res.Changes, Change{
		What: d.Platform.String(), Old: old.Digest, New: now.Digest, OldSize: total(d.Manifest.Image), NewSize: total(&d.manifest),
		Why: strings.Join(d.why, ", "), Settings: settings.Diff(d.config.Old(), d.config.File),
	})
	now.Annotations = maps.Clone(old.Annotations)
	now.Platform = d.config.File.Platform()
	if before := arch.FromV1(d.config.Old().Platform()); old.Platform != nil && before == arch.FromV1(now.Platform) {
		now.Platform = old.Platform // as the index has it
	}
	return now, nil
}

// total is what an image takes where it is stored.
func total(m *v1.Manifest) int64 {
	n := m.Config.Size
	for _, l := range m.Layers {
		n += l.Size
	}
	return n
}

// index makes the index of what was made.
func (b *Bench) index(doc *manifest.Doc, entries []image.Entry, chosen []int, made []v1.Descriptor, res *Result, o EditOptions, e edit) error {
	idx := *doc.Index
	idx.MediaType = doc.Descriptor.MediaType
	idx.Manifests = made
	changed := len(chosen) != len(entries)
	var companions []v1.Descriptor
	for n, i := range chosen {
		for _, a := range entries[i].Attestations {
			if made[n].Digest == entries[i].Descriptor.Digest || o.Keep {
				a.Annotations = maps.Clone(a.Annotations)
				a.Annotations[annotationSubject] = made[n].Digest.String()
				companions = append(companions, a)
			}
		}
		changed = changed || made[n].Digest != entries[i].Descriptor.Digest
	}
	var why []string
	if e.content && changed && !o.Keep && len(idx.Annotations) > 0 {
		o.noteHint("--keep keeps them", "the annotations of the index are left out, they speak of what it was: %s", strings.Join(slices.Sorted(maps.Keys(idx.Annotations)), ", "))
		idx.Annotations = nil
	}
	if e.index != nil {
		idx.Annotations = maps.Clone(idx.Annotations)
		if said := e.index(&idx); said != "" {
			why = append(why, said)
		}
	}
	if !changed && len(why) == 0 {
		res.Root = doc.Descriptor
		return nil
	}
	if dropped := countAttestations(entries, chosen) - len(companions); dropped > 0 {
		o.noteHint("--keep keeps them", "%d attestations are left out: they speak of the images before", dropped)
	}
	idx.Manifests = append(idx.Manifests, companions...)
	root, err := b.put(idx)
	if err != nil {
		return err
	}
	res.Root = root
	if changed {
		why = append([]string{"its images are others"}, why...)
	}
	res.Changes = append(res.Changes, Change{
		What: "index", Old: doc.Descriptor.Digest, New: root.Digest, OldSize: doc.Descriptor.Size, NewSize: root.Size, Why: strings.Join(why, ", "),
	})
	return nil
}

func countAttestations(entries []image.Entry, chosen []int) int {
	n := 0
	for _, i := range chosen {
		n += len(entries[i].Attestations)
	}
	return n
}
