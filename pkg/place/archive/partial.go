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
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// A partial is an archive that is not whole yet: a file of the final size with
// holes, its journal, and the lock that keeps a second run away from both.
type partial struct {
	path    string
	events  event.Handler
	lock    *lock
	file    *os.File
	journal *journal
	blobs   map[v1.Hash]*incoming
}

// openPartial opens what an earlier run left beside the archive at final, if that
// was drawn alike, or begins anew.
func openPartial(ctx context.Context, final string, d *drawing, events event.Handler) (_ *partial, err error) {
	p := &partial{path: final + ".partial", events: events, blobs: map[v1.Hash]*incoming{}}
	if p.lock, err = takeLock(p.path + ".lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.file, err = openOurs(p.path); err != nil {
		return nil, err
	}
	if err := p.begin(d); err != nil {
		return nil, err
	}
	return p, p.recheck(ctx)
}

// begin makes the file and the journal ready, and writes what is known.
func (p *partial) begin(d *drawing) (err error) {
	fi, err := p.file.Stat()
	if err != nil {
		return err
	}
	// The journal is made anew before the file is, so that it never says more than is there.
	if p.journal, err = openJournal(p.path+".journal", d.digest(), fi.Size() == d.size); err != nil {
		return err
	}
	for h, s := range d.slots {
		p.blobs[h] = newIncoming(p, s, p.journal.offsets[h])
	}
	if !p.journal.continued {
		if fi.Size() > 0 {
			p.events.Emit(event.Event{Kind: event.Note, Text: p.path + " is of another archive and is not continued"})
		}
		if err := p.file.Truncate(0); err != nil {
			return err
		}
	}
	if err := reserveSpace(p.file, d.size); err != nil {
		return err
	}
	return p.writeKnown(d)
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
		if b.n > 0 && b.n == b.want.Size {
			g.Go(func() error { return b.recheck(ctx) })
		}
	}
	return g.Wait()
}

func (p *partial) put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	return p.blobs[d.Digest].put(ctx, open)
}

func (p *partial) holds(h v1.Hash) bool { return p.blobs[h].done.Load() }

// todo returns what is missing, largest first.
func (p *partial) todo() []v1.Descriptor {
	var todo []v1.Descriptor
	for _, b := range p.blobs {
		if !b.done.Load() {
			todo = append(todo, b.want)
		}
	}
	slices.SortFunc(todo, func(a, b v1.Descriptor) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Digest.String(), b.Digest.String()))
	})
	return todo
}

// finish renames the whole, synced file to final.
func (p *partial) finish(final string) error {
	for h, b := range p.blobs {
		if !b.done.Load() {
			return fmt.Errorf("%s was not put: %w", h, place.ErrNotFound)
		}
	}
	// Windows renames no open file. Elsewhere too nothing is written from here on.
	err := errors.Join(p.file.Sync(), p.file.Close())
	p.file = nil
	if err == nil {
		err = os.Rename(p.path, final)
	}
	if err == nil {
		err = syncDir(filepath.Dir(final))
	}
	if err != nil {
		return err
	}
	return errors.Join(p.journal.remove(), p.release())
}

// isWorthKeeping reports whether any content would have to be fetched again.
func (p *partial) isWorthKeeping() bool {
	for _, b := range p.blobs {
		if b.written.Load() > 0 {
			return true
		}
	}
	return false
}

// close closes the files, and removes them if they are worth nothing.
func (p *partial) close() error {
	if p.lock == nil {
		return nil
	}
	var err error
	if p.file != nil {
		err = p.file.Close()
	}
	switch {
	case p.journal == nil: // it could not even be begun
	case p.isWorthKeeping():
		err = errors.Join(err, p.journal.close())
	default:
		err = errors.Join(err, p.journal.remove(), os.Remove(p.path))
	}
	return errors.Join(err, p.release())
}

func (p *partial) release() error {
	l := p.lock
	p.lock = nil
	return l.release()
}
