package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// replan makes w the writer of p, which has fewer roots than what was planned
// before. What was put for those that are left is not fetched again.
func (w *Writer) replan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	if len(w.o.Parts.Only) > 0 {
		return nil, fmt.Errorf("some parts of it are written, which have to stay as they were planned: %w", place.ErrUnsupported)
	}
	d, err := w.o.draw(p)
	if err != nil {
		return nil, err
	}
	stands := w.stands(ctx, d)
	w.drawing, w.done = d, stands
	switch {
	case stands:
		err = w.partial.drop()
		w.partial = nil
		return nil, err
	case w.partial == nil:
		w.partial, err = openPartial(ctx, w.path, d, w.o)
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
// any more. A run that is killed meanwhile is continued by what it wrote down of that,
// if the files have the sizes of d by chance, which they get in the end.
func (p *partial) shrink(ctx context.Context, d *drawing) (err error) {
	before := p.blobs
	if err := p.journal.close(); err != nil {
		return err
	}
	if p.journal, err = openJournal(p.path+".journal", d.digest()+p.o.label(), false); err != nil {
		return err
	}
	p.blobs = map[v1.Hash]arrival{}
	slots := slices.SortedFunc(maps.Values(d.slots), func(a, b *slot) int { return cmp.Compare(a.offset, b.offset) })
	for _, s := range slots {
		b := newIncoming(p, s, 0)
		p.blobs[s.want.Digest] = b
		if old, ok := before[s.want.Digest].(*incoming); ok && old.isDone() {
			if err := b.take(ctx, old); err != nil {
				return fmt.Errorf("moving %s: %w", s.want.Digest, err)
			}
		}
	}
	surplus, err := p.file.Truncate(d.size)
	for _, f := range surplus {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
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
	p.spoiled = true
	return p.close()
}
