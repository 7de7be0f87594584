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
	"github.com/dray-oci/dray/pkg/parts"
)

// An excerpt is those pieces of a blob that lie in parts which are written alone. No
// more of it is read. Its digest would need the rest: what was read is verified with
// the part, by the sum that the document has of it.
type excerpt struct {
	p      *partial
	want   v1.Descriptor
	at     int64 // where its content begins in the archive
	pieces []parts.Span
	total  int64         // bytes of the pieces
	turn   chan struct{} // held by whoever puts it

	n     int64        // bytes of the pieces in place
	known int64        // by the journal
	seen  atomic.Int64 // n for those who do not hold the turn
}

func newExcerpt(p *partial, s *slot, n int64) *excerpt {
	e := &excerpt{p: p, want: s.want, at: s.offset, turn: make(chan struct{}, 1)}
	for sp := range p.file.Spans(s.offset, s.want.Size) {
		if p.file.Here(sp.Offset, sp.N) {
			e.pieces = append(e.pieces, sp)
			e.total += sp.N
		}
	}
	if n > e.total {
		n = 0
	}
	e.n, e.known = n, n
	e.seen.Store(n)
	if n > 0 {
		p.events.Emit(event.Event{Kind: event.Resume, Blob: e.want, N: n})
	}
	return e
}

func (e *excerpt) put(ctx context.Context, open blob.Opener) error {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	before := int64(0) // bytes of the pieces that lie before this one
	for _, piece := range e.pieces {
		if have := e.n - before; have < piece.N {
			if err := e.fetch(ctx, open, piece, have); err != nil {
				return errors.Join(err, e.note())
			}
		}
		before += piece.N
	}
	return e.note()
}

// fetch brings the rest of a piece of which have bytes are in place.
func (e *excerpt) fetch(ctx context.Context, open blob.Opener, piece parts.Span, have int64) error {
	rest := piece.N - have
	rc, err := open(ctx, piece.Offset+have-e.at, rest)
	if err != nil {
		return err
	}
	defer rc.Close() // only ever read
	w := &excerptWriter{e, piece.Offset + have}
	n, err := blob.Copy(ctx, w, io.LimitReader(rc, rest))
	if err == nil && n < rest {
		err = fmt.Errorf("%s: %d of %d bytes from %d on: %w", e.want.Digest, n, rest, piece.Offset+have-e.at, io.ErrUnexpectedEOF)
	}
	return err
}

// excerptWriter writes to the archive from at on.
type excerptWriter struct {
	e  *excerpt
	at int64
}

func (w *excerptWriter) Write(buf []byte) (int, error) {
	n, err := w.e.p.file.WriteAt(buf, w.at)
	if err != nil {
		return n, err
	}
	w.at += int64(n)
	w.e.n += int64(n)
	w.e.seen.Store(w.e.n)
	if w.e.n-w.e.known >= journalEvery {
		w.e.p.file.WriteBack(w.at-(w.e.n-w.e.known), w.e.n-w.e.known)
		err = w.e.note()
	}
	return n, err
}

// note writes down how far it has come.
func (e *excerpt) note() error {
	if e.known == e.n {
		return nil
	}
	e.known = e.n
	return e.p.journal.record(e.want.Digest, e.n)
}

func (e *excerpt) recheck(context.Context) error { return nil }
func (e *excerpt) isWhole() bool                 { return false }
func (e *excerpt) isDone() bool                  { return e.seen.Load() == e.total }
func (e *excerpt) bytes() int64                  { return e.seen.Load() }
func (e *excerpt) descriptor() v1.Descriptor     { return e.want }
