package archive

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// replan makes w the writer of p, which has fewer roots than what was planned
// before. What was put for those that are left is not fetched again.
func (w *Writer) replan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	d, err := w.o.draw(p)
	if err != nil {
		return nil, err
	}
	stands := d.stands(ctx, w.path, w.o.Verified)
	w.drawing, w.done = d, stands
	switch {
	case stands:
		err = w.partial.drop()
		w.partial = nil
		return nil, err
	case w.partial == nil:
		w.partial, err = openPartial(ctx, w.path, d, w.o.Events)
	default:
		err = w.partial.shrink(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	return w.partial.todo(), nil
}

// shrink makes p the partial of d, which has less content, in the same order: the
// blobs that are in place move up, the first one first, over what is not wanted
// any more. A run that is killed meanwhile is not continued, since until the end
// the size of the file is not that of d.
func (p *partial) shrink(ctx context.Context, d *drawing) (err error) {
	before := p.blobs
	if err := p.journal.close(); err != nil {
		return err
	}
	if p.journal, err = openJournal(p.path+".journal", d.digest(), false); err != nil {
		return err
	}
	p.blobs = map[v1.Hash]*incoming{}
	slots := slices.SortedFunc(maps.Values(d.slots), func(a, b *slot) int { return cmp.Compare(a.offset, b.offset) })
	for _, s := range slots {
		b := newIncoming(p, s, 0)
		p.blobs[s.want.Digest] = b
		if old := before[s.want.Digest]; old != nil && old.done.Load() {
			if err := b.take(ctx, old); err != nil {
				return fmt.Errorf("moving %s: %w", s.want.Digest, err)
			}
		}
	}
	if err := p.file.Truncate(d.size); err != nil {
		return err
	}
	return p.writeKnown(d)
}

// take moves the content of old, which is whole, to the place of b.
func (b *incoming) take(ctx context.Context, old *incoming) error {
	if b.at > old.at {
		return nil // it might lie where another still is: it is fetched again
	}
	_, err := b.fill(ctx, func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(b.p.file, old.at, old.want.Size)), nil
	})
	return err
}

// drop removes all that belongs to p.
func (p *partial) drop() error {
	if p == nil {
		return nil
	}
	for _, b := range p.blobs {
		b.written.Store(0)
	}
	return p.close()
}
