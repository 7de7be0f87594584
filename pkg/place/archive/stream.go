package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// A Stream writes an archive front to back, with what fits in a buffer held in
// memory: to a pipe, or to an engine that loads it. It takes Puts one at a time,
// in the order that Plan returns. What was written cannot be taken back: after
// wrong content the archive has no end, and every method fails.
type Stream struct {
	w       io.Writer
	o       Options
	drawing *drawing
	next    int // part to be written
	current *blob.Verifier
	written map[v1.Hash]bool
	broken  error
	ended   bool
}

var (
	_ place.Sink    = (*Stream)(nil)
	_ place.Planner = (*Stream)(nil)
)

// NewStream returns a sink that writes the archive to w, and does not close w.
func NewStream(w io.Writer, o Options) (*Stream, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Parts.Size > 0 {
		return nil, fmt.Errorf("writing archive: only a plain file can be cut into parts: %w", place.ErrUnsupported)
	}
	return &Stream{w: w, o: o, written: map[v1.Hash]bool{}}, nil
}

// Traits: one Put at a time.
func (s *Stream) Traits() place.Traits {
	t := s.o.traits()
	t.Puts = 1
	return t
}

// Plan writes all that stands before the first layer.
func (s *Stream) Plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	if s.drawing != nil {
		return nil, errPlanned
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	d, err := s.o.draw(p)
	if err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	s.drawing = d
	return d.todo(), s.forward()
}

var errPlanned = fmt.Errorf("writing archive: it is planned already: %w", place.ErrUnsupported)

// forward writes the parts up to the next one that has to be put, and its header.
func (s *Stream) forward() error {
	for ; s.next < len(s.drawing.parts); s.next++ {
		p := s.drawing.parts[s.next]
		if err := s.write(p.bytes()); err != nil || p.slot != nil {
			return err
		}
	}
	return nil
}

func (s *Stream) write(b []byte) error {
	if _, err := s.w.Write(b); err != nil {
		s.broken = fmt.Errorf("writing archive: %w", err)
	}
	return s.broken
}

// Has reports whether d was written.
func (s *Stream) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	slot, err := s.drawing.slot(d)
	return err == nil && (slot == nil || s.written[d.Digest]), context.Cause(ctx)
}

// Put writes d. If open, or reading what it opens, fails, the next Put of d goes
// on from there.
func (s *Stream) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	slot, err := s.drawing.slot(d)
	switch {
	case s.broken != nil:
		return s.broken
	case err != nil:
		return fmt.Errorf("writing archive: %w", err)
	case slot == nil || s.written[d.Digest]:
		return nil
	case s.drawing.parts[s.next].slot != slot:
		return fmt.Errorf("writing archive: %s is not the next in a stream: %w", d.Digest, place.ErrUnsupported)
	}
	if s.current == nil {
		if s.current, err = blob.NewVerifier(d); err != nil {
			return err
		}
	}
	if err := s.fill(ctx, open); err != nil {
		if errors.Is(err, blob.ErrMismatch) {
			s.broken = err
		}
		return err
	}
	s.current, s.written[d.Digest] = nil, true
	s.next++
	return errors.Join(s.write(make([]byte, tario.Padding(d.Size))), s.forward())
}

func (s *Stream) fill(ctx context.Context, open blob.Opener) error {
	rc, err := open(ctx, s.current.N(), -1)
	if err != nil {
		return err
	}
	_, err = s.current.Copy(ctx, streamWriter{s}, rc)
	if err := errors.Join(err, rc.Close()); err != nil {
		return err
	}
	return s.current.Check()
}

// streamWriter remembers that writing failed, as opposed to reading.
type streamWriter struct{ s *Stream }

func (w streamWriter) Write(b []byte) (int, error) {
	if err := w.s.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Commit ends the archive with the last root of the plan.
func (s *Stream) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	if err := errors.Join(s.broken, context.Cause(ctx)); err != nil {
		return err
	}
	last, err := s.drawing.commit(root, names)
	switch {
	case err != nil:
		return fmt.Errorf("writing archive: %w", err)
	case !last || s.ended:
		return nil
	case s.next < len(s.drawing.parts):
		return fmt.Errorf("writing archive: %s was not put: %w", s.drawing.parts[s.next].slot.want.Digest, place.ErrNotFound)
	}
	s.ended = true
	return s.write(make([]byte, tario.TrailerBytes))
}

// Close ends nothing that Commit did not end: what was written stays without the
// mark by which readers know that a tar is whole.
func (s *Stream) Close() error { return nil }
