package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

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
	req       Request
	origin    v1.Descriptor
	root      v1.Descriptor
	raw       []byte // of root
	nodes     []node
	platforms []arch.Platform // those taken of an index of more
	missing   []v1.Descriptor // foreign layers that the source does not hold
	err       error           // why it is not copied
	unchosen  error           // why no platform could be chosen, so that it cannot be copied
	kin       []place.Root    // what belongs to it and is carried with it
	relatives *relatives      // what is asked about that; nil if nothing is
}

// result is what the copy of t will be.
func (t *tree) result() Result {
	r := Result{
		Origin: t.origin, Root: t.root, Raw: t.raw, Names: t.req.Names,
		Platforms: t.platforms, Missing: t.missing, Err: t.err,
	}
	for _, n := range t.nodes {
		r.Blobs = append(r.Blobs, n.d)
	}
	for _, k := range t.kin {
		r.Referrers = append(r.Referrers, k.Descriptor)
	}
	return r
}

// fail leaves t out, and says so.
func (t *tree) fail(err error, events event.Handler) {
	t.err = err
	events.Emit(event.Event{Kind: event.Warn, Name: t.req.Name, Text: t.req.Name + " is left out", Err: err})
}

// A node is one blob of a tree. Documents come with their bytes.
type node struct {
	d     v1.Descriptor
	srcs  []place.Source // any of which may have it; one at least
	raw   []byte
	level int           // 0: names nothing; else one more than the highest it names
	kin   v1.Descriptor // the referrer that it is part of; zero: of the image
}

// opener opens n at src, one of its sources.
func (n node) opener(src place.Source) blob.Opener {
	if n.raw != nil {
		return blob.Bytes(n.raw)
	}
	return place.Opener(src, n.d)
}

// builder walks down from a root.
type builder struct {
	tree
	o       Options
	configs bool               // the sink plans, and wants to see configs
	docs    *atomic.Int64      // bytes of documents that are held, of all trees of a transfer
	known   map[v1.Hash][]byte // documents that were made here
	skip    map[v1.Hash]bool   // children of a sparse index that stay behind
	level   map[v1.Hash]int
	isDoc   map[v1.Hash]bool // what a digest was named as first

	subject  map[v1.Hash]v1.Hash // of the manifests that have one
	next     *manifest.Doc       // read already: what is visited next
	follower v1.Descriptor       // the referrer that is visited; zero: the image

	taken, others string // platforms, for people; others is empty if all were taken
	asked         bool   // for just these
}

func newTree(ctx context.Context, r Request, o Options, docs *atomic.Int64, f *finder) (*tree, error) {
	origin := r.Root
	if origin.Digest.Hex == "" {
		var err error
		if origin, err = r.Source.Resolve(ctx, r.Name); err != nil {
			return nil, err
		}
	}
	relatives := f.of(r)
	relatives.ask(origin)
	doc, err := place.ReadManifest(ctx, r.Source, origin)
	if err != nil {
		return nil, err
	}
	if !r.Platforms.IsZero() {
		o.Platforms = r.Platforms
	}
	_, plans := place.As[place.Planner](r.To)
	b := &builder{
		tree: tree{req: r, origin: origin, relatives: relatives}, o: o, configs: plans, docs: docs,
		known: map[v1.Hash][]byte{}, skip: map[v1.Hash]bool{}, level: map[v1.Hash]int{}, isDoc: map[v1.Hash]bool{},
		subject: map[v1.Hash]v1.Hash{},
	}
	chosen, err := b.choose(ctx, r.To.Traits(), doc)
	if as := (*place.LackError)(nil); errors.As(err, &as) {
		chosen, b.unchosen, err = doc, err, nil // what else is lacking is to be found too: see checkThere
	}
	if err != nil {
		return nil, err
	}
	if err := b.settle(ctx, doc, chosen); err != nil {
		return nil, err
	}
	b.noteChange(doc, chosen, r.To.Traits())
	if _, err := b.visit(ctx, chosen.Descriptor, 0); err != nil {
		return nil, err
	}
	if relatives != nil {
		relatives.builder = b
	}
	if _, near := place.As[place.Filer](r.Source); plans || near {
		return &b.tree, b.attach(ctx)
	}
	return &b.tree, nil
}

// settle makes chosen the root of the tree, if that is what the request and the
// options want.
func (b *builder) settle(ctx context.Context, doc, chosen *manifest.Doc) error {
	d := chosen.Descriptor.Digest
	if want := b.req.Digest; want.Hex != "" && want != d {
		return fmt.Errorf("%s would be written as %s: %w", d, want, blob.ErrMismatch)
	}
	if b.configs && b.o.First.OS != "" && chosen.Index != nil {
		if err := b.wantFirst(ctx, chosen); err != nil {
			return err
		}
	}
	b.known[d] = chosen.Raw
	b.root, b.raw = rootOf(chosen, b.origin), chosen.Raw
	// A name with the digest of the whole does not fit what was chosen of it.
	b.req.Names = slices.Clone(b.req.Names)
	for i, name := range b.req.Names {
		if base, ok := strings.CutSuffix(name, "@"+doc.Descriptor.Digest.String()); ok {
			b.req.Names[i] = base + "@" + d.String()
		}
	}
	return nil
}

// wantFirst fails if the platform to be named first is not in the index.
func (b *builder) wantFirst(ctx context.Context, chosen *manifest.Doc) error {
	_, platforms, err := b.entries(ctx, chosen)
	if err != nil {
		return err
	}
	_, err = arch.Selection{Platforms: []arch.Platform{b.o.First.Normalize()}}.Apply(platforms, b.o.Host)
	return err
}

// rootOf is how chosen will be committed: without what an index said of it, but
// with the digest it came from, now or earlier, if that is another.
func rootOf(chosen *manifest.Doc, origin v1.Descriptor) v1.Descriptor {
	root := v1.Descriptor{
		MediaType: chosen.Descriptor.MediaType,
		Size:      chosen.Descriptor.Size,
		Digest:    chosen.Descriptor.Digest,
		Platform:  chosen.Descriptor.Platform,
	}
	from := origin.Annotations[image.AnnotationOrigin]
	if _, err := v1.NewHash(from); err != nil {
		from = ""
	}
	if root.Digest != origin.Digest {
		from = origin.Digest.String()
	}
	if from != "" {
		root.Annotations = map[string]string{image.AnnotationOrigin: from}
	}
	return root
}

// visit adds d and everything below it, and returns its level.
func (b *builder) visit(ctx context.Context, d v1.Descriptor, depth int) (int, error) {
	isDoc := manifest.Is(d.MediaType)
	if level, ok := b.level[d.Digest]; ok && isDoc != b.isDoc[d.Digest] {
		return 0, fmt.Errorf("%s is named as a manifest and as something else: %w", d.Digest, place.ErrInvalid)
	} else if ok {
		return level, nil
	}
	b.isDoc[d.Digest] = isDoc
	if depth > manifest.MaxNesting {
		return 0, fmt.Errorf("indexes nested deeper than %d: %w", manifest.MaxNesting, place.ErrInvalid)
	}
	if len(b.nodes) >= manifest.MaxChildren {
		return 0, fmt.Errorf("more than %d blobs in one image: %w", manifest.MaxChildren, place.ErrInvalid)
	}
	n := node{d: d, srcs: []place.Source{b.req.Source}, kin: b.follower}
	var err error
	switch {
	case manifest.IsForeign(d):
		if gone, err := b.gone(ctx, d); gone || err != nil {
			return 0, err
		}
	case isDoc:
		n.level, n.raw, err = b.visitManifest(ctx, d, depth)
	case b.configs && d.MediaType.IsConfig():
		n.raw, err = blob.ReadAll(ctx, place.Opener(b.req.Source, d), d, manifest.MaxConfigBytes)
		err = place.Explain(ctx, b.req.Source, d, err)
		if errors.Is(err, place.ErrNotFound) && mayLack(b.req.Source) {
			err = nil // named with all else that is lacking: see checkThere
		}
	}
	if err != nil {
		return 0, err
	}
	if n.raw, err = b.hold(d, n.raw); err != nil {
		return 0, err
	}
	b.level[d.Digest] = n.level
	b.nodes = append(b.nodes, n)
	return n.level, nil
}

// Documents are held in memory until they are put. A thousand images have about
// 10 MiB of them; what is beyond keptDocBytes is read again when it is put, but a
// sink that plans is told all of them, and gets no more than maxDocBytes.
const (
	keptDocBytes = 32 << 20
	maxDocBytes  = 256 << 20
)

// hold returns raw, the bytes of d, or nil if they are better read again later.
func (b *builder) hold(d v1.Descriptor, raw []byte) ([]byte, error) {
	_, made := b.known[d.Digest]
	held := b.docs.Add(int64(len(raw)))
	switch {
	case held > maxDocBytes && (b.configs || made):
		return nil, fmt.Errorf("more than %d bytes of manifests and configs in one transfer: %w", maxDocBytes, place.ErrInvalid)
	case held > keptDocBytes && !b.configs && !made:
		b.docs.Add(int64(-len(raw)))
		return nil, nil
	}
	return raw, nil
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
	b.relatives.add(d)
	if raw, ok := b.known[d.Digest]; ok {
		doc, err = manifest.Parse(d, raw)
	} else if b.next != nil && b.next.Descriptor.Digest == d.Digest {
		doc = b.next
	} else {
		doc, err = place.ReadManifest(ctx, b.req.Source, d)
	}
	if err != nil {
		return 0, nil, err
	}
	if s := doc.Subject(); s != nil {
		b.subject[d.Digest] = s.Digest
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
