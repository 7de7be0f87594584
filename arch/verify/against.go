package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// compare holds the other place of the options against what was found here: the same
// digests, and everything below them. What is there is asked for; manifests and
// configs are read.
func (v *verifier) compare(ctx context.Context, r *Report) error {
	if v.o.Against == nil {
		return nil
	}
	other, err := newWalk(ctx, v.o.Against, v.o.AgainstRoot)
	if err != nil {
		return fmt.Errorf("comparing: %w", err)
	}
	if err := other.readConfigs(ctx); err != nil {
		return fmt.Errorf("comparing: %w", err)
	}
	if here, there := v.root.d.Digest, other.root.d.Digest; here != there {
		r.Findings = append(r.Findings, errorf(KindAgainst, "it is %s here and %s there", here, there).pair(there.String(), here.String()))
	}
	r.Findings = append(r.Findings, comparePlatforms(v.images, other.images)...)
	for _, f := range other.faults() {
		f.Kind, f.Text = KindAgainst, "there: "+f.Text
		r.Findings = append(r.Findings, f)
	}
	missing, err := other.missing(ctx, v.o)
	r.Findings = append(r.Findings, missing...)
	return err
}

// faults returns what of the manifests and configs is missing or broken.
func (w *walk) faults() []Finding {
	all := slices.Clone(w.findings)
	for _, m := range w.images {
		all = append(all, m.row.Findings...)
	}
	return all
}

func comparePlatforms(here, there []*image) []Finding {
	var fs []Finding
	digests := map[v1.Hash]bool{}
	byPlatform := map[string]v1.Hash{}
	for _, m := range there {
		digests[m.entry.Digest] = true
		byPlatform[m.platform().String()] = m.entry.Digest
	}
	for _, m := range here {
		p := m.platform().String()
		other, ok := byPlatform[p]
		switch {
		case digests[m.entry.Digest]:
		case ok:
			fs = append(fs, errorf(KindAgainst, "%s is %s here and %s there", p, m.entry.Digest, other).pair(other.String(), m.entry.Digest.String()))
		default:
			fs = append(fs, errorf(KindAgainst, "%s is not there", p).pair("", m.entry.Digest.String()))
		}
	}
	return fs
}

// missing returns the layers and other blobs of w that its place does not hold.
func (w *walk) missing(ctx context.Context, o Options) ([]Finding, error) {
	s := (&verifier{walk: w, o: o}).schedule()
	found := make([]error, len(s.order))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentJobs)
	for i, l := range s.order {
		g.Go(func() error {
			err := last(gctx, w.src, l.d)
			if _, isFault := faultOf(l.d, err); isFault || errors.Is(err, blob.ErrOffset) || errors.Is(err, io.EOF) {
				found[i], err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	var fs []Finding
	for i, l := range s.order {
		if found[i] != nil && !manifest.IsForeign(l.d) {
			fs = append(fs, errorf(KindAgainst, "there: %s is missing or too short", l.d.Digest).of(l.d.Digest))
		}
	}
	return fs, nil
}
