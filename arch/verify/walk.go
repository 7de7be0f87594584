package verify

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// annotationSubject is how BuildKit says which image an attestation entry of an index
// belongs to.
const annotationSubject = "vnd.docker.reference.digest"

// An image is one image of an index, or the only one, with all that is found out
// about it. What could not be read is nil; then there are findings that say so.
type image struct {
	entry        v1.Descriptor
	listed       bool          // it is an entry of an index
	index        arch.Platform // what that says; zero if nothing
	doc          *manifest.Doc
	config       *v1.ConfigFile
	attestations []v1.Descriptor // entries of the same index that speak of this one
	layers       []*layer        // each once
	label        *Finding        // that index and config disagree; nil if they do not
	row          Platform
}

// platform is what the image passes for: what the index says, else the config.
func (m *image) platform() arch.Platform {
	if m.index.OS != "" || m.config == nil {
		return m.index
	}
	return arch.FromV1(m.config.Platform())
}

// claim is the platform that the programs are held against: what the image passes for,
// unless there is no such platform and the config knows better.
func (m *image) claim() arch.Platform {
	p := m.platform()
	if m.config == nil || p.Valid() == nil {
		return p
	}
	if config := arch.FromV1(m.config.Platform()); config.Valid() == nil {
		return config
	}
	return p
}

func (m *image) add(fs ...Finding) { m.row.Findings = append(m.row.Findings, fs...) }

// A walk finds everything below a root. Unlike image.Platforms it goes on where
// something is missing or broken.
type walk struct {
	src      place.Source
	root     *content
	images   []*image                  // in the order of the indexes
	others   []v1.Descriptor           // blobs of what is no image: attestations, artifacts
	spoken   map[v1.Hash]*manifest.Doc // attestations
	findings []Finding                 // on what belongs to no image
	seen     map[v1.Hash]bool
	count    int   // descriptors
	bytes    int64 // of the documents that they describe
}

// maxDocumentBytes bounds all manifests, and all configs, of one image: what is
// judged together is held in memory together.
const maxDocumentBytes = 256 << 20

// newWalk reads root and the manifests below it, those of one index all at once.
func newWalk(ctx context.Context, src place.Source, root v1.Descriptor) (*walk, error) {
	w := &walk{src: src, seen: map[v1.Hash]bool{}, spoken: map[v1.Hash]*manifest.Doc{}}
	var err error
	if w.root, err = fetchDoc(ctx, src, root); err != nil {
		return nil, err
	}
	w.findings = w.root.faults
	switch doc := w.root.doc; {
	case doc == nil:
	case doc.Index != nil:
		return w, w.index(ctx, doc, 0)
	case doc.IsRunnable():
		w.images = []*image{{entry: root, doc: doc}}
	default:
		w.others = doc.Children()
	}
	return w, nil
}

func (w *walk) index(ctx context.Context, doc *manifest.Doc, depth int) error {
	if w.seen[doc.Descriptor.Digest] {
		return nil
	}
	w.seen[doc.Descriptor.Digest] = true
	if w.count += len(doc.Index.Manifests); depth > manifest.MaxNesting || w.count > manifest.MaxChildren {
		w.findings = append(w.findings, errorf(KindInvalid, "the indexes are nested deeper than %d or list more than %d entries", manifest.MaxNesting, manifest.MaxChildren))
		return nil
	}
	var docs []v1.Descriptor
	for _, d := range doc.Index.Manifests {
		if manifest.Is(d.MediaType) {
			docs = append(docs, d)
		}
	}
	contents, err := w.fetchAll(ctx, docs, fetchDoc)
	if err != nil {
		return err
	}
	for _, d := range doc.Index.Manifests {
		if err := w.entry(ctx, doc, d, contents[d.Digest], depth); err != nil {
			return err
		}
	}
	return nil
}

// entry takes in the entry d of parent, whose content is c; nil for what is no manifest.
func (w *walk) entry(ctx context.Context, parent *manifest.Doc, d v1.Descriptor, c *content, depth int) error {
	switch {
	case c == nil:
		w.others = append(w.others, d)
	case isCompanion(d):
		w.companion(d, c)
	case c.doc == nil && d.MediaType.IsIndex():
		w.findings = append(w.findings, c.faults...)
	case c.doc != nil && c.doc.Index != nil:
		w.findings = append(w.findings, c.faults...)
		return w.index(ctx, c.doc, depth+1)
	case c.doc != nil && !c.doc.IsRunnable():
		w.findings = append(w.findings, c.faults...)
		w.others = append(w.others, c.doc.Children()...)
	default:
		m := &image{entry: d, listed: true, index: arch.FromV1(d.Platform), doc: c.doc, attestations: companions(parent, d.Digest)}
		m.add(c.faults...)
		w.images = append(w.images, m)
	}
	return nil
}

// isCompanion reports whether d speaks of another entry instead of being a platform.
func isCompanion(d v1.Descriptor) bool {
	return arch.FromV1(d.Platform).IsAttestation() || d.Annotations[annotationSubject] != ""
}

func companions(doc *manifest.Doc, subject v1.Hash) []v1.Descriptor {
	var found []v1.Descriptor
	for _, d := range doc.Index.Manifests {
		if d.Annotations[annotationSubject] == subject.String() {
			found = append(found, d)
		}
	}
	return found
}

// companion takes in an attestation: it is no platform, but it has to be there.
func (w *walk) companion(d v1.Descriptor, c *content) {
	subject := d.Annotations[annotationSubject]
	for _, f := range c.faults {
		if subject != "" {
			f.Text += ": the attestation of " + subject
		}
		w.findings = append(w.findings, f)
	}
	if c.doc != nil {
		w.others = append(w.others, c.doc.Children()...)
		w.spoken[d.Digest] = c.doc
	}
}

// readConfigs reads the configs of all images, all at once.
func (w *walk) readConfigs(ctx context.Context) error {
	var ds []v1.Descriptor
	for _, m := range w.images {
		if m.doc != nil {
			ds = append(ds, m.doc.Image.Config)
		}
	}
	w.bytes = 0
	contents, err := w.fetchAll(ctx, ds, fetchConfig)
	if err != nil {
		return err
	}
	for _, m := range w.images {
		if m.doc == nil {
			continue
		}
		c := contents[m.doc.Image.Config.Digest]
		m.add(c.faults...)
		if c.raw == nil {
			continue
		}
		if m.config, err = manifest.ParseConfig(c.raw); err != nil {
			m.config = nil
			m.add(errorf(KindInvalid, "config %s: %v", c.d.Digest, err).of(c.d.Digest))
		}
	}
	return nil
}
