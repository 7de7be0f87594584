package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

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
	entries, platforms, err := b.entries(ctx, doc)
	if err != nil {
		return nil, err
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
	if b.others != "" {
		for _, i := range chosen {
			b.platforms = append(b.platforms, platforms[i])
		}
	}
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
	if b.asked || traits.NoIndex || chosen == doc {
		hint = ""
	}
	b.note(text, hint)
}

func (b *builder) note(text, hint string) {
	if b.req.Name != "" {
		text = b.req.Name + ": " + text
	}
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

// entries returns the entries of doc and the platform of each.
func (b *builder) entries(ctx context.Context, doc *manifest.Doc) ([]image.Entry, []arch.Platform, error) {
	entries, err := image.Platforms(ctx, b.req.Source, doc)
	platforms := make([]arch.Platform, len(entries))
	for i, e := range entries {
		platforms[i] = e.Platform
	}
	return entries, platforms, err
}
