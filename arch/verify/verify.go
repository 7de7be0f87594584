package verify

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/place"
)

// Run judges root, an index or an image of src, and everything below it. All faults
// are listed, not the first: what is wrong with the image stands in the report, whose
// OK is then false. An error says that src could not be asked, or that o asks for
// platforms that are not there ([*arch.MissingError]); there is no report then.
func Run(ctx context.Context, src place.Source, root v1.Descriptor, o Options) (*Report, error) {
	w, err := newWalk(ctx, src, root)
	if err != nil {
		return nil, err
	}
	if err := w.readConfigs(ctx); err != nil {
		return nil, err
	}
	all := w.images
	if err := w.choose(o); err != nil {
		return nil, err
	}
	v := &verifier{walk: w, o: o}
	for _, m := range w.images {
		m.checkName()
		m.checkStructure()
		m.label = m.checkLabel()
	}
	checkSiblings(w.images, o.Fast)
	checkConfigs(w.images)
	if err := v.readLayers(ctx); err != nil {
		return nil, err
	}
	r := v.report()
	isIndex := w.root.doc == nil || w.root.doc.Index != nil
	r.checkRequired(all, isIndex, o)
	if err := v.compare(ctx, r); err != nil {
		return nil, err
	}
	r.settle()
	return r, nil
}

// A verifier is one run.
type verifier struct {
	*walk
	o        Options
	coverage Coverage
}

// choose leaves the images that o asks for.
func (w *walk) choose(o Options) error {
	if o.Platforms.IsZero() || o.Platforms.All {
		return nil
	}
	platforms := make([]arch.Platform, len(w.images))
	for i, m := range w.images {
		platforms[i] = m.platform()
	}
	chosen, err := o.Platforms.Apply(platforms, o.Host)
	if err != nil {
		return err
	}
	images := make([]*image, 0, len(chosen))
	for _, i := range chosen {
		images = append(images, w.images[i])
	}
	w.images, w.others = images, nil
	return nil
}

// report puts together what stands in the images.
func (v *verifier) report() *Report {
	r := &Report{
		Reference: v.o.Reference, Digest: v.root.d.Digest.String(),
		Platforms: []Platform{}, Findings: append([]Finding{}, v.findings...), Layers: v.coverage,
	}
	for _, m := range v.images {
		r.Platforms = append(r.Platforms, m.finish())
	}
	return r
}

// finish completes the row of the image.
func (m *image) finish() Platform {
	row := m.row
	row.Platform = m.platform().String()
	row.Digest = m.entry.Digest.String()
	if m.index.OS != "" {
		row.Index = m.index.String()
	}
	if m.config != nil {
		if p := arch.FromV1(m.config.Platform()); p.OS != "" {
			row.Config = p.String()
		}
	}
	if m.label != nil {
		row.Findings = append(row.Findings, *m.label)
	}
	if row.Verdict == "" {
		row.Verdict = OK
	}
	row.settle()
	if row.Findings == nil {
		row.Findings = []Finding{}
	}
	return row
}
