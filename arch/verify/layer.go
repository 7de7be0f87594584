package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A layer is a layer, or the blob of something else, and what reading it has shown. It
// stands once for all images that share it.
type layer struct {
	d      v1.Descriptor
	isTar  bool   // it is the layer of an image
	diffID string // algorithm of the digests that configs name it by

	faults  []Finding
	absent  bool          // it is not there, which a foreign layer may be
	listed  bool          // only its table of contents was read
	whole   bool          // it was read to its end and matches its digest
	kind    compress.Kind // of the compression that was found
	content v1.Hash       // digest of the plain tar
	table   *rootfs.Layer // nil if it was not made
}

// A desk is what one worker reads layers with.
type desk struct {
	exe    exe.Reader
	blocks [][]byte
}

func newDesk() *desk { return &desk{blocks: compress.Blocks()} }

// A layerReader reads layers, each once.
type layerReader struct {
	src    place.Source
	near   place.Source // may be nil
	tables bool         // make tables, and look at programs
	budget rootfs.Budget
	events event.Handler
	desks  chan *desk // as many as layers are read at once; nil until one is made
}

// read reads l whole. Faults of the layer stand in it; an error is one of the place.
func (lr *layerReader) read(ctx context.Context, l *layer) error {
	if rc := lr.openNear(ctx, l); rc != nil {
		if err := last(ctx, lr.src, l.d); err != nil {
			return errors.Join(lr.notOpened(l, err), rc.Close())
		}
		if err := lr.readFrom(ctx, l, rc); err == nil && l.whole {
			return nil
		}
		*l = layer{d: l.d, isTar: l.isTar, diffID: l.diffID} // the copy is bad, which says nothing
	}
	rc, err := lr.src.Open(ctx, l.d)
	if err != nil {
		return lr.notOpened(l, err)
	}
	return lr.readFrom(ctx, l, rc)
}

// openNear returns nil where there is no copy.
func (lr *layerReader) openNear(ctx context.Context, l *layer) io.ReadCloser {
	if lr.near == nil {
		return nil
	}
	rc, err := lr.near.Open(ctx, l.d)
	if err != nil {
		return nil
	}
	return rc
}

// readFrom reads the content of l from rc, and closes that.
func (lr *layerReader) readFrom(ctx context.Context, l *layer, rc io.ReadCloser) error {
	lr.events.Emit(event.Event{Kind: event.Start, Blob: l.d})
	raw := &source{ReadCloser: rc, ctx: ctx, d: l.d, events: lr.events}
	verified := blob.Verify(raw, l.d)
	defer verified.Close() // only read
	rerr := lr.contents(ctx, verified, l)
	// Whether the bytes are right is known at their end, and says more than where
	// reading the wrong ones failed.
	_, verr := blob.Copy(ctx, io.Discard, verified)
	if raw.err != nil || context.Cause(ctx) != nil {
		if f, ok := faultOf(l.d, raw.err); ok {
			l.fault(f)
			return nil
		}
		return fmt.Errorf("reading layer %s: %w", l.d.Digest, errors.Join(raw.err, context.Cause(ctx)))
	}
	lr.judge(l, rerr, place.Explain(ctx, lr.src, l.d, verr))
	lr.events.Emit(event.Event{Kind: event.Done, Blob: l.d})
	return nil
}

func (lr *layerReader) judge(l *layer, rerr, verr error) {
	f, isFault := faultOf(l.d, verr)
	switch {
	case isFault:
		l.fault(f)
	case verr != nil:
		l.fault(errorf(KindInvalid, "layer %s: %v", l.d.Digest, verr))
	case errors.Is(rerr, rootfs.ErrTooLarge):
		l.whole = true
		l.fault(errorf(KindUnread, "layer %s: %v", l.d.Digest, rerr))
	case rerr != nil:
		l.whole = true
		l.fault(errorf(KindInvalid, "layer %s: %v", l.d.Digest, rerr))
	default:
		l.whole = true
		return
	}
	lr.budget.Release(l.table)
	l.table = nil
}

func (l *layer) fault(f Finding) {
	f.Layer = l.d.Digest.String()
	l.faults = append(l.faults, f.of(l.d.Digest))
}

func (lr *layerReader) notOpened(l *layer, err error) error {
	f, ok := faultOf(l.d, err)
	switch {
	case ok:
	case errors.Is(err, blob.ErrOffset), errors.Is(err, io.EOF):
		f = errorf(KindSize, "layer %s has less than the %d bytes that its descriptor says", l.d.Digest, l.d.Size)
	default:
		return fmt.Errorf("reading layer %s: %w", l.d.Digest, err)
	}
	l.absent = errors.Is(err, place.ErrNotFound)
	if l.absent && manifest.IsForeign(l.d) {
		f.Severity, f.Text = Note, fmt.Sprintf("foreign layer %s is not here, and need not be", l.d.Digest)
	}
	l.fault(f)
	return nil
}

// contents reads what the layer holds, as far as anybody wants to know it.
func (lr *layerReader) contents(ctx context.Context, r io.Reader, l *layer) error {
	if !l.isTar {
		return nil
	}
	h, err := v1.Hasher(l.diffID)
	if err != nil {
		return err
	}
	z, err := compress.NewReader(r, compress.Limits{})
	if err != nil {
		return err
	}
	defer z.Close() // only read
	l.kind = z.Kind
	desk := lr.desk()
	defer func() { lr.desks <- desk }()
	a := compress.ReadAhead(z, desk.blocks, h)
	defer a.Close()
	if err := lr.unpack(ctx, a, desk, l); err != nil {
		return err
	}
	l.content = sum(l.diffID, h)
	return nil
}

func (lr *layerReader) unpack(ctx context.Context, r io.Reader, d *desk, l *layer) (err error) {
	if lr.tables {
		l.table, err = rootfs.Read(ctx, r, rootfs.Options{Budget: &lr.budget, Exe: &d.exe})
		return err
	}
	_, err = blob.Copy(ctx, io.Discard, r)
	return err
}

func sum(algorithm string, h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(h.Sum(nil))}
}

// desk returns one that nobody uses. There are as many as the channel has room for.
func (lr *layerReader) desk() *desk {
	if d := <-lr.desks; d != nil {
		return d
	}
	return newDesk()
}

// A source is a layer as its place delivers it: counted, stopped with ctx, and with the
// error that was the place's own.
type source struct {
	io.ReadCloser
	ctx    context.Context // of the read that made it, as Read has none
	d      v1.Descriptor
	events event.Handler
	err    error
}

func (s *source) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	n, err := s.ReadCloser.Read(p)
	if n > 0 {
		s.events.Emit(event.Event{Kind: event.Bytes, Blob: s.d, N: int64(n)})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
