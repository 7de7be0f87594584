package archive

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/tario"
)

// stands reports whether the very archive is there already, cut as it is to be. Of
// parts that are asked for alone that is found out part by part.
func (w *Writer) stands(ctx context.Context, d *drawing) bool {
	switch {
	case w.o.Parts.Size == 0:
		return d.stands(ctx, w.path, w.o.Verified)
	case len(w.o.Parts.Only) > 0:
		return false
	}
	s, err := parts.Open(parts.Index(w.path))
	if err != nil {
		return false
	}
	defer s.Close()
	o := w.o.Parts
	if s.Size != d.size || s.PartSize != o.Size || len(s.Parity) != o.Parity || s.Name != filepath.Base(w.path) {
		return false
	}
	if isKnown(s, d, w.o.Verified) {
		return true
	}
	before, ok := identify(s)
	if !ok || s.Check(ctx, nil) != nil || !d.isDrawnIn(s) || !d.isFilledIn(ctx, s) {
		return false
	}
	before.put(w.o.Verified, s, d)
	return true
}

// remember has the archive that was just written remembered.
func (w *Writer) remember() {
	if w.o.Parts.Size == 0 {
		if fi, err := os.Stat(w.path); err == nil {
			w.o.Verified.Put(fi, w.drawing.name())
		}
		return
	}
	if s, err := parts.Open(parts.Index(w.path)); err == nil && len(w.o.Parts.Only) == 0 {
		if now, ok := identify(s); ok {
			now.put(w.o.Verified, s, w.drawing)
		}
		_ = s.Close() // has read nothing
	}
}

// infos are the files of a set at one time: its document, and then the others.
type infos []fs.FileInfo

func identify(s *parts.Set) (infos, bool) {
	var all infos
	for _, path := range append([]string{s.Index()}, s.Paths()...) {
		fi, err := os.Stat(path)
		if err != nil {
			return nil, false
		}
		all = append(all, fi)
	}
	return all, true
}

// put remembers that the document is that of d, and what the other files hold.
func (all infos) put(known *memo.Verified, s *parts.Set, d *drawing) {
	for i, fi := range all {
		known.Put(fi, contentOf(i, s, d))
	}
}

func isKnown(s *parts.Set, d *drawing, known *memo.Verified) bool {
	all, ok := identify(s)
	for i, fi := range all {
		ok = ok && known.Is(fi, contentOf(i, s, d))
	}
	return ok
}

// contentOf names what file i of s holds, as memo.Verified takes it.
func contentOf(i int, s *parts.Set, d *drawing) string {
	if i == 0 {
		return "parts of " + d.name()
	}
	return "sha256:" + slices.Concat(s.Parts, s.Parity)[i-1].SHA256
}

// stands reports whether the file at path is the archive already, byte for byte.
// It is read once, for as long as known tells that it is still the same.
func (d *drawing) stands(ctx context.Context, path string, known *memo.Verified) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != d.size {
		return false
	}
	if known.Is(fi, d.name()) {
		return true
	}
	if !d.isDrawnIn(f) || !d.isFilledIn(ctx, f) {
		return false
	}
	known.Put(fi, d.name()) // of before it was read, so that no change goes unseen
	return true
}

// name is the drawing as memo.Verified takes it.
func (d *drawing) name() string { return "archive " + d.digest() }

// isDrawnIn reports whether f is like the drawing everywhere but in its slots.
func (d *drawing) isDrawnIn(f io.ReaderAt) bool {
	next := int64(0)
	for _, p := range d.parts {
		want := p.bytes()
		next = p.offset + int64(len(want))
		if p.slot != nil {
			pad := tario.Padding(p.slot.want.Size)
			next += p.slot.want.Size + pad
			if !isAt(f, next-pad, make([]byte, pad)) {
				return false
			}
		}
		if !isAt(f, p.offset, want) {
			return false
		}
	}
	return isAt(f, next, make([]byte, d.size-next))
}

func isAt(f io.ReaderAt, offset int64, want []byte) bool {
	got := make([]byte, len(want))
	_, err := f.ReadAt(got, offset)
	return (err == nil || err == io.EOF) && bytes.Equal(got, want)
}

// isFilledIn reports whether every slot of f has its content.
func (d *drawing) isFilledIn(ctx context.Context, f io.ReaderAt) bool {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, s := range d.slots {
		g.Go(func() error {
			r := blob.Verify(io.NopCloser(io.NewSectionReader(f, s.offset, s.want.Size)), s.want)
			_, err := blob.Copy(ctx, io.Discard, r)
			return err
		})
	}
	return g.Wait() == nil
}
