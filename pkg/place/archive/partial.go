package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// A partial is an archive that is not whole yet: files of the final sizes with
// holes, their journal, and the lock that keeps a second run away from all.
type partial struct {
	final    string // path of the archive
	path     string // of the file in one piece; those of journal and lock begin with it
	o        Parts
	events   event.Handler
	lock     *lock
	verified *memo.Verified // what is known of files that content comes from; may be nil
	file     *parts.Files
	parity   []*os.File
	journal  *journal
	blobs    map[v1.Hash]arrival
	doc      *parts.Document // of the set of which some parts are written; may be nil
	spoiled  bool            // what was written is of no use
}

// An arrival is a blob on its way into a partial.
type arrival interface {
	put(ctx context.Context, open blob.Opener) error
	recheck(ctx context.Context) error // reads what seems to be whole
	isWhole() bool                     // by what the journal says
	isDone() bool
	bytes() int64 // that are in place
	descriptor() v1.Descriptor
}

// openPartial opens what an earlier run left beside the archive at final, if that
// was drawn alike, or begins anew.
func openPartial(ctx context.Context, final string, d *drawing, o Options) (_ *partial, err error) {
	p := &partial{final: final, path: final + ".partial", o: o.Parts, events: o.Events, verified: o.Verified, blobs: map[v1.Hash]arrival{}}
	if p.lock, err = takeLock(p.path + ".lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := p.openFiles(ctx, d); err != nil {
		return nil, err
	}
	if err := p.begin(d); err != nil {
		return nil, err
	}
	return p, p.recheck(ctx)
}

// begin makes the files and the journal ready, and writes what is known.
func (p *partial) begin(d *drawing) error {
	before, full, err := p.found()
	if err != nil {
		return err
	}
	// The journal is made anew before the files are, so that it never says more than is there.
	if p.journal, err = openJournal(p.path+".journal", d.digest()+p.o.label(), full); err != nil {
		return err
	}
	for h, s := range d.slots {
		if b := p.arrivalOf(s, p.journal.offsets[h]); b != nil {
			p.blobs[h] = b
		}
	}
	if !p.journal.continued {
		if before > 0 {
			p.events.Emit(event.Event{Kind: event.Note, Text: p.path + " is of another archive and is not continued"})
		}
		if err := p.file.Each(func(_ int, f *os.File) error { return f.Truncate(0) }); err != nil {
			return err
		}
		if err := p.removeOthers(); err != nil {
			return err
		}
	}
	if err := p.reserve(); err != nil {
		return err
	}
	return p.writeKnown(d)
}

// found returns how many bytes the files have, and whether these are all.
func (p *partial) found() (bytes int64, full bool, err error) {
	full = true
	err = p.file.Each(func(i int, f *os.File) error {
		fi, err := f.Stat()
		if err == nil {
			bytes += fi.Size()
			full = full && fi.Size() == p.file.Len(i)
		}
		return err
	})
	return bytes, full, err
}

// arrivalOf returns how the blob of s, of which n bytes are there, is put; nil if it
// belongs into no part that is written.
func (p *partial) arrivalOf(s *slot, n int64) arrival {
	touched := s.want.Size == 0
	for sp := range p.file.Spans(s.offset, s.want.Size) {
		touched = touched || p.file.Here(sp.Offset, sp.N)
	}
	switch {
	case !touched:
		return nil
	case p.doc != nil && !p.file.Here(s.offset, s.want.Size):
		return newExcerpt(p, s, n)
	}
	return newIncoming(p, s, n)
}

func (p *partial) reserve() error {
	var all []sized
	_ = p.file.Each(func(i int, f *os.File) error { // never fails: append
		all = append(all, sized{f, p.file.Len(i)})
		return nil
	})
	for _, f := range p.parity {
		all = append(all, sized{f, p.file.ParityLen()})
	}
	if len(all) == 0 {
		return nil
	}
	return reserveSpace(all...)
}

// writeKnown writes all but the content of the slots. Also what is zero is written:
// in a file that is continued it may be something else.
func (p *partial) writeKnown(d *drawing) error {
	var zeros [tario.TrailerBytes]byte
	for _, part := range d.parts {
		if _, err := p.file.WriteAt(part.bytes(), part.offset); err != nil {
			return err
		}
		if s := part.slot; s != nil {
			if _, err := p.file.WriteAt(zeros[:tario.Padding(s.want.Size)], s.offset+s.want.Size); err != nil {
				return err
			}
		}
	}
	_, err := p.file.WriteAt(zeros[:], d.size-tario.TrailerBytes)
	return err
}

// recheck reads the blobs that the journal says are whole: a machine that lost its
// power may have lost what was written too.
func (p *partial) recheck(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, b := range p.blobs {
		if b.isWhole() {
			g.Go(func() error { return b.recheck(ctx) })
		}
	}
	return g.Wait()
}

func (p *partial) put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	b := p.blobs[d.Digest]
	if b == nil {
		return nil // it belongs into parts that are not written
	}
	return b.put(ctx, open)
}

func (p *partial) holds(h v1.Hash) bool {
	b := p.blobs[h]
	return b == nil || b.isDone()
}

// todo returns what is missing, largest first.
func (p *partial) todo() []v1.Descriptor {
	var todo []v1.Descriptor
	for _, b := range p.blobs {
		if !b.isDone() {
			todo = append(todo, b.descriptor())
		}
	}
	slices.SortFunc(todo, func(a, b v1.Descriptor) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Digest.String(), b.Digest.String()))
	})
	return todo
}

// finish gives the whole, synced files their names.
func (p *partial) finish(ctx context.Context) error {
	for h, b := range p.blobs {
		if !b.isDone() {
			return fmt.Errorf("%s was not put: %w", h, place.ErrNotFound)
		}
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	var err error
	if p.o.Size == 0 {
		err = p.publishFile()
	} else {
		err = p.publishSet(ctx)
	}
	if err != nil {
		return err
	}
	return errors.Join(p.journal.remove(), p.release())
}

func (p *partial) publishFile() error {
	err := p.closeFiles()
	if err == nil {
		err = os.Rename(p.path, p.final)
	}
	if err == nil {
		err = syncDir(filepath.Dir(p.final))
	}
	return err
}

// closeFiles closes what is written: Windows renames no open file. Elsewhere too
// nothing is written from here on.
func (p *partial) closeFiles() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	for _, f := range p.parity {
		err = errors.Join(err, f.Close())
	}
	p.file = nil
	return err
}

// isWorthKeeping reports whether any content would have to be fetched again.
func (p *partial) isWorthKeeping() bool {
	for _, b := range p.blobs {
		if b.bytes() > 0 {
			return !p.spoiled
		}
	}
	return false
}

// close closes the files, and removes them if they are worth nothing.
func (p *partial) close() error {
	if p.lock == nil {
		return nil
	}
	err := p.closeFiles()
	switch {
	case p.journal == nil: // it could not even be begun
	case p.isWorthKeeping():
		err = errors.Join(err, p.journal.close())
	default:
		err = errors.Join(err, p.journal.remove(), p.removeFiles())
	}
	return errors.Join(err, p.release())
}

func (p *partial) release() error {
	l := p.lock
	p.lock = nil
	return l.release()
}
