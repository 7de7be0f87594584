package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta/encoder"
	"github.com/dray-oci/dray/pkg/delta/tokens"
)

// maxJobs bounds the encoders that run at once: each holds the output of its segment.
const maxJobs = 4

// encode writes the blob of which tar is what it unpacks to.
func (rec *recipe) encode(ctx context.Context, w io.Writer, tar io.ReaderAt, hints *hintSpool, o Options) error {
	tar = &counterAt{tar, o.progress, encodeWork * float64(rec.Target.Size) / float64(max(rec.Length, 1))}
	if rec.Packed {
		_, err := blob.Copy(ctx, w, io.NewSectionReader(tar, 0, rec.Length))
		return err
	}
	if hints != nil {
		return rec.build(ctx, w, io.NewSectionReader(tar, 0, rec.Length), hints)
	}
	e, err := rec.readEncoder(ctx)
	if err != nil {
		return err
	}
	return e.Encode(ctx, w, tar, rec.Length, min(max(o.Jobs, 1), maxJobs, runtime.GOMAXPROCS(0)))
}

// build writes the blob by its tokens.
func (rec *recipe) build(ctx context.Context, w io.Writer, tar io.Reader, hints *hintSpool) error {
	told, err := hints.reader(rec.program, rec.total())
	if err != nil {
		return err
	}
	s := rec.Sections
	program, err := rec.section(ctx, rec.start+s.Encoder+s.Program+s.New+s.Changes, s.Tokens)
	if err != nil {
		return err
	}
	err = tokens.Build(stopping{ctx, program}, stopping{ctx, tar}, told, w)
	if errors.Is(err, tokens.ErrProgram) {
		err = fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return errors.Join(err, program.Close())
}

// stopping reads until its context ends.
type stopping struct {
	ctx context.Context // of the one call that the reader lives in
	r   io.Reader
}

func (s stopping) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

func (rec *recipe) readEncoder(ctx context.Context) (encoder.Recipe, error) {
	rc, err := rec.open(ctx, rec.start, rec.Sections.Encoder)
	if err != nil {
		return encoder.Recipe{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(rc, rec.Sections.Encoder))
	if err := errors.Join(err, rc.Close()); err != nil {
		return encoder.Recipe{}, err
	}
	e, err := encoder.Parse(raw)
	if err != nil {
		return e, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return e, nil
}
