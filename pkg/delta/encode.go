package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

// maxJobs bounds the encoders that run at once: each holds the output of its segment.
const maxJobs = 4

// encode writes the blob of which tar is what it unpacks to.
func (rec *recipe) encode(ctx context.Context, w io.Writer, tar io.ReaderAt, o Options) error {
	tar = &counterAt{tar, o.progress, encodeWork * float64(rec.Target.Size) / float64(max(rec.Length, 1))}
	if rec.Packed {
		_, err := blob.Copy(ctx, w, io.NewSectionReader(tar, 0, rec.Length))
		return err
	}
	e, err := rec.readEncoder(ctx)
	if err != nil {
		return err
	}
	return e.Encode(ctx, w, tar, rec.Length, min(max(o.Jobs, 1), maxJobs, runtime.GOMAXPROCS(0)))
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
