package delta

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
)

// Apply writes to w the blob target, which the recipe describes that open opens.
// Bases are asked for by what the recipe says of them and opened once; the one that
// is given may be another compression of the same tar, unless the base is Packed.
// It returns nil only if what was written is target; whoever gets an error throws
// away what was written. It fails with [ErrInvalid] if the recipe is at fault.
//
// What is rebuilt stands unpacked in a file in o.TempDir while it works. If that has
// no room for it, the error is a [*SpaceError], and nothing was written.
func Apply(ctx context.Context, target v1.Descriptor, open blob.Opener, base func(Base) (Blob, error), w io.Writer, o Options) error {
	o.progress = newProgress(o.Events, "rebuilding", target)
	defer o.progress.close()
	if err := apply(ctx, target, open, base, w, o); err != nil {
		return fmt.Errorf("rebuilding %s: %w", target.Digest, err)
	}
	return nil
}

func apply(ctx context.Context, target v1.Descriptor, open blob.Opener, base func(Base) (Blob, error), w io.Writer, o Options) (err error) {
	rec, err := openRecipe(ctx, open)
	if err != nil {
		return err
	}
	if rec.Target.Digest != target.Digest || rec.Target.Size != target.Size {
		return fmt.Errorf("%w: it is for %s", ErrInvalid, rec.Target.Digest)
	}
	if n, most := max(rec.Length, rec.Target.Size), rec.most(); n > most {
		return fmt.Errorf("%w: %d bytes of a recipe and bases that can make %d", ErrInvalid, n, most)
	}
	if o.MaxUnpackedBytes > 0 && rec.Length > o.MaxUnpackedBytes {
		return fmt.Errorf("it unpacks to %d bytes, more than the %d allowed", rec.Length, o.MaxUnpackedBytes)
	}
	tar, err := newSpool(o.TempDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tar.Close()) }()
	var hints *hintSpool
	if rec.Sections.Tokens > 0 {
		if hints, err = newHintSpool(o.TempDir, rec.Length); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, hints.Close()) }()
	}
	reading := rec.reading()
	o.progress.expect(reading + encodeWork*target.Size)
	o.progress.stage(reading)
	if err := rec.unpack(ctx, base, tar, hints, o); err != nil {
		return err
	}
	v, err := blob.NewVerifier(target)
	if err != nil {
		return err
	}
	o.progress.stage(encodeWork * target.Size)
	if err := rec.encode(ctx, io.MultiWriter(v, w), tar, hints, o); err != nil {
		return err
	}
	return v.Check()
}

// A recipe that is being read.
type recipe struct {
	Head
	open    blob.Opener
	start   int64 // of the sections
	program []byte
}

func openRecipe(ctx context.Context, open blob.Opener) (*recipe, error) {
	h, start, err := readHead(ctx, open)
	if err != nil {
		return nil, err
	}
	rec := &recipe{Head: h, open: open, start: start}
	rec.program, err = rec.readProgram(ctx)
	return rec, err
}

// most is what can be made of what is there: bases and sections are bytes that came,
// whatever is said of the target.
func (h Head) most() int64 {
	n := h.Sections.Program + h.Sections.New + h.Sections.Changes + h.Sections.Tokens
	for _, b := range h.Bases {
		n += b.Size
	}
	return maxLength(n)
}

// reading is how many bytes of bases there are to read.
func (h Head) reading() (n int64) {
	for _, b := range h.Bases {
		n += b.Size
	}
	return n
}

// hintBytes is about how much room the hints take.
func (h Head) hintBytes() (n int64) {
	for _, b := range h.Bases {
		if b.Tokens {
			n += b.Size
		}
	}
	return min(n, h.Length)
}

// total is how many bytes of bases there are.
func (h Head) total() (n int64) {
	for _, b := range h.Bases {
		n += b.Length
	}
	return n
}

func (rec *recipe) readProgram(ctx context.Context) ([]byte, error) {
	r, err := rec.section(ctx, rec.start+rec.Sections.Encoder, rec.Sections.Program)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxProgramBytes+1))
	if err == nil && len(b) > maxProgramBytes {
		err = fmt.Errorf("%w: its program is too long", ErrInvalid)
	}
	return b, errors.Join(err, r.Close())
}

// section opens a section, unpacked.
func (rec *recipe) section(ctx context.Context, offset, n int64) (io.ReadCloser, error) {
	rc, err := rec.open(ctx, offset, n)
	if errors.Is(err, blob.ErrOffset) {
		return nil, fmt.Errorf("%w: it is cut", ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(io.LimitReader(rc, n), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(windowBytes), zstd.WithDecoderMaxMemory(1<<62))
	if err != nil {
		return nil, errors.Join(err, rc.Close())
	}
	return &sectionReader{z, rc}, nil
}

type sectionReader struct {
	z  *zstd.Decoder
	rc io.Closer
}

// Read implements io.Reader. What zstd finds wrong is the recipe's fault.
func (s *sectionReader) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return n, err
}

func (s *sectionReader) Close() error {
	s.z.Close()
	return s.rc.Close()
}

// unpack makes what is described in tar.
func (rec *recipe) unpack(ctx context.Context, base func(Base) (Blob, error), tar *spool, hints *hintSpool, o Options) error {
	r, err := newReader(rec.program, rec.total())
	if err != nil {
		return err
	}
	all, err := moves(r, rec.Head)
	if err != nil {
		return err
	}
	if err := tar.reserve(rec.Length + rec.hintBytes() + o.Spare); err != nil {
		return err
	}
	if err := gather(ctx, rec.Head, all, base, tar, hints, o); err != nil {
		return err
	}
	return rec.patch(ctx, tar)
}

// patch goes over what was gathered and puts in what no base has.
func (rec *recipe) patch(ctx context.Context, tar *spool) (err error) {
	r, err := newReader(rec.program, rec.total())
	if err != nil {
		return err
	}
	offset := rec.start + rec.Sections.Encoder + rec.Sections.Program
	p := patcher{r: r, tar: tar, buf: make([]byte, 2*chunkBytes)}
	if p.fresh, err = rec.section(ctx, offset, rec.Sections.New); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.fresh.Close()) }()
	changes, err := rec.section(ctx, offset+rec.Sections.New, rec.Sections.Changes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, changes.Close()) }()
	p.changes = newSparseReader(changes)
	return p.run(ctx)
}

// A patcher puts into tar what a program does not take from bases as it is.
type patcher struct {
	r       *reader
	tar     *spool
	to      int64
	fresh   io.ReadCloser
	changes io.Reader
	buf     []byte
}

func (p *patcher) run(ctx context.Context) error {
	for {
		s, ok := p.r.segment()
		if !ok {
			return p.r.err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := p.segment(s); err != nil {
			return err
		}
		p.to += s.n
	}
}

func (p *patcher) segment(s segment) error {
	switch s.kind {
	case fresh:
		return p.each(s.n, func(b []byte, to int64) error { return p.read(p.fresh, b) })
	case changed:
		return p.each(s.n, p.add)
	case header:
		b := p.buf[:headerBytes]
		if err := readFull(p.tar, b, p.to); err != nil {
			return err
		}
		if err := p.r.replace(b, s.mask); err != nil {
			return err
		}
		_, err := p.tar.WriteAt(b, p.to)
		return err
	case small:
		b := p.r.take(colSmall, s.n)
		if p.r.err != nil {
			return p.r.err
		}
		_, err := p.tar.WriteAt(b, p.to)
		return err
	}
	return nil
}

// each lets fill set n bytes in pieces and writes them.
func (p *patcher) each(n int64, fill func(b []byte, to int64) error) error {
	for done := int64(0); done < n; {
		b := p.buf[:min(n-done, chunkBytes)]
		if err := fill(b, p.to+done); err != nil {
			return err
		}
		if _, err := p.tar.WriteAt(b, p.to+done); err != nil {
			return err
		}
		done += int64(len(b))
	}
	return nil
}

// add sets b to what was gathered, plus the next differences.
func (p *patcher) add(b []byte, to int64) error {
	if err := readFull(p.tar, b, to); err != nil {
		return err
	}
	d := p.buf[chunkBytes : chunkBytes+len(b)]
	if err := p.read(p.changes, d); err != nil {
		return err
	}
	for i := range b {
		b[i] += d[i]
	}
	return nil
}

// read fills b from a section, which must not end before.
func (p *patcher) read(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: a section is cut", ErrInvalid)
	}
	return err
}
