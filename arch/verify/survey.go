package verify

import (
	"context"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/place"
)

// annotationPredicate says on a layer of an attestation what it is (in-toto).
const annotationPredicate = "in-toto.io/predicate-type"

// A Survey is the platforms of an image as they are labelled, with no judgement.
type Survey struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	IsIndex   bool   `json:"index"`
	Platforms []Row  `json:"platforms"` // in the order of the index
}

// A Row is one platform of a [Survey].
type Row struct {
	Platform     string        `json:"platform"`
	Digest       string        `json:"digest"`
	Size         int64         `json:"size"` // of all layers, compressed
	Layers       int           `json:"layers"`
	Created      *time.Time    `json:"created,omitempty"`
	OSVersion    string        `json:"osVersion,omitempty"`
	Attestations []Attestation `json:"attestations,omitempty"`
	Problem      string        `json:"problem,omitempty"` // why something of this row is not known

	platform arch.Platform
	env      []string
}

// An Attestation is an entry of an index that speaks of a platform.
type Attestation struct {
	Digest string   `json:"digest"`
	Types  []string `json:"types,omitempty"` // of its predicates, as in https://spdx.dev/Document
}

// TakeSurvey reads the manifests and configs below root. What is missing or broken below
// it is a Problem of its row.
func TakeSurvey(ctx context.Context, src place.Source, root v1.Descriptor, reference string) (*Survey, error) {
	w, err := newWalk(ctx, src, root)
	if err != nil {
		return nil, err
	}
	if w.root.doc == nil {
		if _, err := place.ReadManifest(ctx, src, root); err != nil {
			return nil, err
		}
	}
	if err := w.readConfigs(ctx); err != nil {
		return nil, err
	}
	s := &Survey{Reference: reference, Digest: root.Digest.String(), IsIndex: w.root.doc != nil && w.root.doc.Index != nil, Platforms: []Row{}}
	for _, m := range w.images {
		s.Platforms = append(s.Platforms, w.row(m))
	}
	return s, nil
}

func (w *walk) row(m *image) Row {
	p := m.platform()
	r := Row{Platform: p.Short(), Digest: m.entry.Digest.String(), OSVersion: p.OSVersion, platform: p}
	if m.doc != nil {
		r.Size, r.Layers = m.size(), len(m.doc.Image.Layers)
	}
	if m.config != nil {
		r.env = m.config.Config.Env
		if t := m.config.Created.Time; !t.IsZero() {
			r.Created = &t
		}
	}
	for _, d := range m.attestations {
		r.Attestations = append(r.Attestations, w.attestation(d))
	}
	for _, f := range m.row.Findings {
		if f.Severity == Error {
			r.Problem = f.Text
			break
		}
	}
	return r
}

func (w *walk) attestation(d v1.Descriptor) Attestation {
	a := Attestation{Digest: d.Digest.String()}
	doc := w.spoken[d.Digest]
	if doc == nil || doc.Image == nil {
		return a
	}
	for _, l := range doc.Image.Layers {
		if t := l.Annotations[annotationPredicate]; t != "" {
			a.Types = append(a.Types, t)
		}
	}
	return a
}
