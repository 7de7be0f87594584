package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/internal/disk"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
)

var (
	_ place.Forecaster = (*Writer)(nil)
	_ place.Forecaster = (*Stream)(nil)
	_ place.Forecaster = (*Packed)(nil)
)

// Forecast says what Plan would do. Of parts that are asked for alone, it counts the
// blobs whole that lie in them.
func (w *Writer) Forecast(ctx context.Context, p place.Plan) (place.Forecast, error) {
	f, err := w.forecast(ctx, p)
	if err != nil {
		return f, fmt.Errorf("writing archive %s: %w", w.path, err)
	}
	return f, nil
}

func (w *Writer) forecast(ctx context.Context, p place.Plan) (place.Forecast, error) {
	d, err := w.o.draw(p)
	if err != nil {
		return place.Forecast{}, err
	}
	c, err := w.o.Parts.cut(d)
	if err != nil {
		return place.Forecast{}, err
	}
	f := place.Forecast{Size: d.size, Free: freeAt(w.path), Resumed: map[v1.Hash]int64{}}
	if w.o.Parts.Size > 0 {
		f.Parts, f.Parity = c.Count(), w.o.Parts.Parity
	}
	if f.Stands = w.seemsToStand(d); f.Stands {
		return f, context.Cause(ctx)
	}
	left := w.left(d, c, &f)
	for _, b := range d.todo() {
		s := d.slots[b.Digest]
		if !w.o.Parts.touch(c, s) {
			continue
		}
		n := left[b.Digest]
		if n > 0 && n <= b.Size {
			f.Resumed[b.Digest] = n
		}
		if n != b.Size || n == 0 {
			f.Todo = append(f.Todo, b)
		}
	}
	return f, context.Cause(ctx)
}

// left returns how far blobs have come in an earlier run that would be continued, and
// sets in f what the disk must have free beside what that run has taken.
func (w *Writer) left(d *drawing, c parts.Cut, f *place.Forecast) map[v1.Hash]int64 {
	full := true
	look := func(path string, size int64) {
		fi, err := os.Lstat(path + ".partial")
		if err != nil {
			full = false
			f.Need += size
			return
		}
		full = full && fi.Size() == size
		f.Need += max(0, size-allocated(fi))
	}
	for i := range c.Count() {
		if len(w.o.Parts.Only) == 0 || slices.Contains(w.o.Parts.Only, i+1) {
			look(w.o.Parts.path(w.path, i), c.Len(i))
		}
	}
	for i := range w.o.Parts.Parity {
		look(parts.ParityName(w.path, i), c.ParityLen())
	}
	if !full {
		return nil
	}
	return readJournal(w.path+".partial.journal", d.digest()+w.o.Parts.label())
}

// touch reports whether s lies in one of the parts that are to be written.
func (o Parts) touch(c parts.Cut, s *slot) bool {
	touched := len(o.Only) == 0 || s.want.Size == 0
	if !touched {
		for sp := range c.Spans(s.offset, s.want.Size) {
			touched = touched || slices.Contains(o.Only, sp.Part+1)
		}
	}
	return touched
}

// seemsToStand is stands without reading what the slots hold: an archive has its
// name only when that is right.
func (w *Writer) seemsToStand(d *drawing) bool {
	if w.o.Parts.Size > 0 {
		s, err := parts.Open(parts.Index(w.path))
		if err != nil {
			return false
		}
		defer s.Close()
		o := w.o.Parts
		return len(o.Only) == 0 && s.Size == d.size && s.PartSize == o.Size && len(s.Parity) == o.Parity &&
			s.Name == filepath.Base(w.path) && d.isDrawnIn(s)
	}
	f, err := os.Open(w.path)
	if err != nil {
		return false
	}
	defer f.Close()
	fi, err := f.Stat()
	return err == nil && fi.Mode().IsRegular() && fi.Size() == d.size && d.isDrawnIn(f)
}

// freeAt is what the disk of path has free; -1 if that is not known.
func freeAt(path string) int64 {
	if free, ok := disk.Free(filepath.Dir(path)); ok {
		return free
	}
	return -1
}

// Forecast says what Plan would do.
func (s *Stream) Forecast(ctx context.Context, p place.Plan) (place.Forecast, error) {
	d, err := s.o.draw(p)
	if err != nil {
		return place.Forecast{}, fmt.Errorf("writing archive: %w", err)
	}
	return place.Forecast{Todo: d.todo(), Size: d.size, Free: -1}, context.Cause(ctx)
}

// Forecast says what Plan would do. What compression saves is not known before.
func (p *Packed) Forecast(ctx context.Context, plan place.Plan) (place.Forecast, error) {
	f, err := p.Stream.Forecast(ctx, plan)
	f.AtMost, f.Need, f.Free = true, f.Size, freeAt(p.path)
	return f, err
}

// readJournal returns what the journal at path says, if it is for drawing; see [journal].
func readJournal(path, drawing string) map[v1.Hash]int64 {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	j := &journal{offsets: map[v1.Hash]int64{}}
	raw, err := io.ReadAll(io.LimitReader(f, maxJournalBytes))
	if err != nil || !j.read(raw, drawing) {
		return nil
	}
	return j.offsets
}
