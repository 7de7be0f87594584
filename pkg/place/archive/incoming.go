package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
)

// journalEvery is how many bytes of a blob may be fetched again after a run was
// killed. Writing it down 250 times for each GiB costs nothing beside the GiB.
const journalEvery = 4 << 20

// An incoming blob is on its way to its place in a partial, or there.
type incoming struct {
	p    *partial
	want v1.Descriptor
	at   int64         // where its content begins in the file
	turn chan struct{} // held by whoever puts it

	n       int64          // bytes in place
	known   int64          // bytes in place by the journal
	v       *blob.Verifier // has seen these n bytes; nil: nobody has in this run
	taken   bool           // all of it is from a file that is known to hold it
	written atomic.Int64   // n for those who do not hold the turn
	done    atomic.Bool
}

func newIncoming(p *partial, s *slot, n int64) *incoming {
	if n > s.want.Size {
		n = 0
	}
	b := &incoming{p: p, want: s.want, at: s.offset, turn: make(chan struct{}, 1), n: n, known: n}
	b.written.Store(n)
	return b
}

func (b *incoming) isWhole() bool             { return b.n > 0 && b.n == b.want.Size }
func (b *incoming) isDone() bool              { return b.done.Load() }
func (b *incoming) bytes() int64              { return b.written.Load() }
func (b *incoming) descriptor() v1.Descriptor { return b.want }

// put brings the blob to its place, from where it is. If what is there turns out
// to be something else, it starts again.
func (b *incoming) put(ctx context.Context, open blob.Opener) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if b.done.Load() {
		return nil
	}
	before := b.n
	read, err := b.fill(ctx, open)
	if errors.Is(err, blob.ErrMismatch) && before > 0 {
		b.p.events.Emit(event.Event{Kind: event.Bytes, Blob: b.want, N: -read})
		_, err = b.fill(ctx, open)
	}
	return err
}

// recheck reads a blob that seems to be whole. If it is not, it is to be put.
func (b *incoming) recheck(ctx context.Context) error {
	err := b.reread(ctx)
	if err == nil {
		err = b.v.Check()
	}
	if errors.Is(err, blob.ErrMismatch) {
		return b.forget()
	}
	b.done.Store(err == nil)
	return err
}

// fill returns how many bytes it read through open.
func (b *incoming) fill(ctx context.Context, open blob.Opener) (read int64, err error) {
	before := b.n
	if b.v == nil {
		err = b.reread(ctx)
	}
	if err == nil && (b.n < b.want.Size || b.want.Size == 0) {
		err = b.fetch(ctx, open)
	}
	if err == nil && !b.taken {
		err = b.v.Check()
	}
	read = max(b.n-before, 0)
	if errors.Is(err, blob.ErrMismatch) {
		return read, errors.Join(err, b.forget())
	}
	b.done.Store(err == nil)
	return read, errors.Join(err, b.note())
}

// reread lets a new Verifier see what an earlier run left.
func (b *incoming) reread(ctx context.Context) error {
	if !b.p.file.Here(b.at, b.n) {
		b.n = 0 // the part that it was dropped for would have to be verified too
		b.written.Store(0)
	}
	if err := b.rehash(ctx); err != nil || b.n == 0 {
		return err
	}
	b.p.events.Emit(event.Event{Kind: event.Resume, Blob: b.want, N: b.n})
	return nil
}

func (b *incoming) rehash(ctx context.Context) error {
	v, err := blob.NewVerifier(b.want)
	if err == nil {
		_, err = blob.Copy(ctx, v, io.NewSectionReader(b.p.file, b.at, b.n))
	}
	if err == nil {
		b.v = v
	}
	return err
}

func (b *incoming) fetch(ctx context.Context, open blob.Opener) error {
	rc, err := open(ctx, b.n, -1)
	if errors.Is(err, blob.ErrOffset) {
		return fmt.Errorf("%s: %w: %w", b.want.Digest, err, blob.ErrMismatch)
	}
	if err != nil {
		return err
	}
	if err := b.takeFile(ctx, rc); err != nil || b.taken {
		return errors.Join(err, rc.Close())
	}
	// No byte passes the Verifier that belongs to the next member.
	_, err = b.v.Copy(ctx, (*incomingWriter)(b), rc)
	if b.v.N() != b.n {
		b.v = nil // writing failed, and the Verifier has seen more than is there
	}
	return errors.Join(err, rc.Close())
}

// incomingWriter writes to the file after what is there.
type incomingWriter incoming

func (w *incomingWriter) Write(buf []byte) (int, error) {
	b := (*incoming)(w)
	n, err := b.p.file.WriteAt(buf, b.at+b.n)
	if err != nil {
		return n, err
	}
	return n, b.came(int64(n))
}

// came counts n more bytes in place.
func (b *incoming) came(n int64) error {
	b.n += n
	b.written.Store(b.n)
	if b.n-b.known >= journalEvery {
		return b.note()
	}
	return nil
}

// note writes down how far the blob has come.
func (b *incoming) note() error {
	if b.known == b.n {
		return nil
	}
	if b.n > b.known {
		b.p.file.WriteBack(b.at+b.known, b.n-b.known)
	}
	b.known = b.n
	return b.p.journal.record(b.want.Digest, b.n)
}

// forget drops what is there.
func (b *incoming) forget() error {
	b.v, b.n = nil, 0
	b.written.Store(0)
	return b.note()
}
