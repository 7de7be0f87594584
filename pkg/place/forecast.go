package place

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Forecaster is a [Planner] that can say what Plan would come to.
type Forecaster interface {
	// Forecast says what Plan would do with p. It writes nothing, and may be called
	// before Plan and more than once. What is there already is judged by what is
	// written down of it, and not read through.
	Forecast(ctx context.Context, p Plan) (Forecast, error)
}

// A Forecast is what a Planner would do.
type Forecast struct {
	// Stands says that the result is there already, and nothing would be written.
	Stands bool
	// Todo are the blobs that would have to be put. Whatever else was planned is
	// there, or would be written from the plan.
	Todo []v1.Descriptor
	// Left are blobs that would not be written at all: whoever reads the result has them.
	Left map[v1.Hash]bool
	// Resumed is how many bytes of a blob are there from an earlier run that was cut.
	Resumed map[v1.Hash]int64

	Size   int64 // of the archive, in bytes; 0: none is made
	AtMost bool  // Size may turn out less: what compression saves is not known before
	Parts  int   // files that the archive is cut into; 0: it is not cut
	Parity int   // files more than that, for the repair of lost ones
	Need   int64 // bytes that the disk must have free
	Free   int64 // bytes that it has free; -1 if that cannot be known
}
