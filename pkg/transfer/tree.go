package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A tree is one image with everything below it, children before their parents.
type tree struct {
	req     Request
	origin  v1.Descriptor
	root    v1.Descriptor
	nodes   []node
	missing []v1.Descriptor // foreign layers that the source does not hold
}

// A node is one blob of a tree. Documents come with their bytes.
type node struct {
	d     v1.Descriptor
	src   place.Source
	raw   []byte
	level int // 0: names nothing; else one more than the highest it names
}

// builder walks down from a root.
type builder struct {
	tree
	o       Options
	configs bool               // the sink wants to see configs
	known   map[v1.Hash][]byte // documents that were made here
	skip    map[v1.Hash]bool   // children of a sparse index that stay behind
	level   map[v1.Hash]int

	taken, others string // platforms, for people; others is empty if all were taken
	asked         bool   // for just these
}

func newTree(ctx context.Context, dst place.Sink, r Request, o Options) (*tree, error) {
	origin := r.Root
	if origin.Digest.Hex == "" {
		var err error
		if origin, err = r.Source.Resolve(ctx, r.Name); err != nil {
			return nil, err
		}
	}
	doc, err := place.ReadManifest(ctx, r.Source, origin)
	if err != nil {
		return nil, err
	}
	_, configs := place.As[place.Planner](dst)
	b := &builder{
		tree: tree{req: r, origin: origin}, o: o, configs: configs,
		known: map[v1.Hash][]byte{}, skip: map[v1.Hash]bool{}, level: map[v1.Hash]int{},
	}
	chosen, err := b.choose(ctx, dst.Traits(), doc)
	if err != nil {
		return nil, err
	}
	b.noteChange(doc, chosen, dst.Traits())
	b.known[chosen.Descriptor.Digest] = chosen.Raw
	b.root = rootOf(chosen, origin)
	if _, err := b.visit(ctx, chosen.Descriptor, 0); err != nil {
		return nil, err
	}
	return &b.tree, nil
}

// rootOf is how chosen will be committed: without what an index said of it, but
// with the digest it came from if that is another.
func rootOf(chosen *manifest.Doc, origin v1.Descriptor) v1.Descriptor {
	root := v1.Descriptor{
		MediaType: chosen.Descriptor.MediaType,
		Size:      chosen.Descriptor.Size,
		Digest:    chosen.Descriptor.Digest,
		Platform:  chosen.Descriptor.Platform,
	}
	if root.Digest != origin.Digest {
		root.Annotations = map[string]string{image.AnnotationOrigin: origin.Digest.String()}
	}
	return root
}

// choose applies the selection of platforms to doc.
func (b *builder) choose(ctx context.Context, traits place.Traits, doc *manifest.Doc) (*manifest.Doc, error) {
	sel, asked := b.o.Platforms, !b.o.Platforms.IsZero()
	if !asked && b.o.HostByDefault {
		sel.Local = true
	}
	if traits.NoIndex && doc.Index != nil && !asked {
		sel = arch.Selection{Local: true}
	}
	if sel.All || sel.IsZero() {
		if traits.NoIndex && doc.Index != nil {
			return nil, fmt.Errorf("%s takes one platform, not an index: %w", traits.Kind, place.ErrUnsupported)
		}
		return doc, nil
	}
	entries, err := image.Platforms(ctx, b.req.Source, doc)
	if err != nil {
		return nil, err
	}
	platforms := make([]arch.Platform, len(entries))
	for i, e := range entries {
		platforms[i] = e.Platform
	}
	if doc.Image != nil && !asked {
		b.noteForeign(platforms[0])
		return doc, nil
	}
	chosen, err := sel.Apply(platforms, b.o.Host)
	if err != nil {
		return nil, err
	}
	if traits.NoIndex && len(chosen) > 1 {
		return nil, fmt.Errorf("%s takes one platform, not %d: %w", traits.Kind, len(chosen), place.ErrUnsupported)
	}
	b.taken, b.others = taken(platforms, chosen)
	b.asked = asked
	if b.o.Sparse && traits.Sparse && doc.Index != nil {
		b.leaveOut(doc, entries, chosen)
		return doc, nil
	}
	return image.Choose(ctx, b.req.Source, doc, entries, chosen)
}

// noteForeign says that the only platform there is, is not this host's.
func (b *builder) noteForeign(p arch.Platform) {
	if _, fit := arch.Select([]arch.Platform{p}, b.o.Host); fit == arch.No && p.OS != "" {
		b.note(fmt.Sprintf("it is for %s, this host is %s", p, b.o.Host), "")
	}
}

// taken returns which of platforms were chosen and which were not, for people.
func taken(platforms []arch.Platform, chosen []int) (took, left string) {
	var a, b []string
	for i, p := range platforms {
		if slices.Contains(chosen, i) {
			a = append(a, p.String())
		} else {
			b = append(b, p.String())
		}
	}
	return strings.Join(a, ", "), strings.Join(b, ", ")
}

// noteChange says that what is copied is not all that was named, and its digest another.
func (b *builder) noteChange(doc, chosen *manifest.Doc, traits place.Traits) {
	if b.others == "" {
		return
	}
	text := fmt.Sprintf("took %s of %s", b.taken, doc.Descriptor.Digest)
	if chosen.Descriptor.Digest != doc.Descriptor.Digest {
		text += fmt.Sprintf(", which is %s", chosen.Descriptor.Digest)
	}
	hint := "--platform all takes them all and keeps the digest"
	if !b.asked {
		text += "; there are also " + b.others
	}
	if b.asked || traits.NoIndex {
		hint = ""
	}
	b.note(text, hint)
}

func (b *builder) note(text, hint string) {
	b.o.Events.Emit(event.Event{Kind: event.Note, Name: b.req.Name, Text: text, Hint: hint})
}

// leaveOut marks what a sparse index names but the selection does not.
func (b *builder) leaveOut(doc *manifest.Doc, entries []image.Entry, chosen []int) {
	for _, d := range doc.Index.Manifests {
		b.skip[d.Digest] = true
	}
	for _, i := range chosen {
		delete(b.skip, entries[i].Descriptor.Digest)
		for _, d := range entries[i].Attestations {
			delete(b.skip, d.Digest)
		}
	}
}

// visit adds d and everything below it, and returns its level.
func (b *builder) visit(ctx context.Context, d v1.Descriptor, depth int) (int, error) {
	if level, ok := b.level[d.Digest]; ok {
		return level, nil
	}
	if depth > manifest.MaxNesting {
		return 0, fmt.Errorf("indexes nested deeper than %d: %w", manifest.MaxNesting, place.ErrInvalid)
	}
	if len(b.nodes) >= manifest.MaxChildren {
		return 0, fmt.Errorf("more than %d blobs in one image: %w", manifest.MaxChildren, place.ErrInvalid)
	}
	n := node{d: d, src: b.req.Source}
	var err error
	switch {
	case manifest.IsForeign(d):
		if gone, err := b.gone(ctx, d); gone || err != nil {
			return 0, err
		}
	case manifest.Is(d.MediaType):
		n.level, n.raw, err = b.visitManifest(ctx, d, depth)
	case b.configs && d.MediaType.IsConfig():
		n.raw, err = blob.ReadAll(ctx, place.Opener(b.req.Source, d), d, manifest.MaxConfigBytes)
	}
	if err != nil {
		return 0, err
	}
	b.level[d.Digest] = n.level
	b.nodes = append(b.nodes, n)
	return n.level, nil
}

// gone reports whether the source lacks the foreign layer d, which is nobody's fault.
func (b *builder) gone(ctx context.Context, d v1.Descriptor) (bool, error) {
	rc, err := b.req.Source.Open(ctx, d)
	if errors.Is(err, place.ErrNotFound) {
		b.level[d.Digest] = 0
		b.missing = append(b.missing, d)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, rc.Close()
}

// visitManifest adds what the manifest d names, and returns its level and bytes.
func (b *builder) visitManifest(ctx context.Context, d v1.Descriptor, depth int) (int, []byte, error) {
	var doc *manifest.Doc
	var err error
	if raw, ok := b.known[d.Digest]; ok {
		doc, err = manifest.Parse(d, raw)
	} else {
		doc, err = place.ReadManifest(ctx, b.req.Source, d)
	}
	if err != nil {
		return 0, nil, err
	}
	b.level[d.Digest] = 0 // a manifest that names itself ends here
	level := 0
	for _, child := range doc.Children() {
		if b.skip[child.Digest] {
			continue
		}
		below, err := b.visit(ctx, child, depth+1)
		if err != nil {
			return 0, nil, err
		}
		level = max(level, below)
	}
	return level + 1, doc.Raw, nil
}
