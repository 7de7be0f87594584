package encoder

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// An engine is an encoder with its settings: what makes the stream between the
// header and the trailer.
type engine interface {
	// newWriter returns a writer of one stream to w. Close ends the stream and
	// does not close w. The sizes of the writes do not show in the output.
	newWriter(w io.Writer) (io.WriteCloser, error)
}

// A resumer is an engine that can start at checkpoints.
type resumer interface {
	engine
	// newTeller is newWriter; tell is called at every place to start at.
	newTeller(w io.Writer, tell func(Checkpoint)) (io.WriteCloser, error)
	// segment writes to w what lies between two checkpoints of a tar; from or to is nil
	// for its beginning or its end. A last byte that is not full has zero bits.
	segment(w io.Writer, tar io.ReaderAt, size int64, from, to *Checkpoint) error
}

// engineOf returns the engine that r names.
func engineOf(r Recipe) (engine, error) {
	if len(r.Encoder) > maxEncoderBytes {
		return nil, fmt.Errorf("the encoder's name has %d bytes", len(r.Encoder))
	}
	if len(r.Corrections) != 0 {
		return nil, fmt.Errorf("%q takes no corrections", r.Encoder)
	}
	family, settings, _ := strings.Cut(r.Encoder, "/")
	if r.Wrap == Gzip && family == goFamily {
		level, err := parseLevel(settings, -2, 9)
		return goEngine(level), err
	}
	return nil, fmt.Errorf("encoder %q of wrap %q is not known", r.Encoder, string(r.Wrap))
}

// parseLevel reads a level in its only spelling; -1 has another, its meaning.
func parseLevel(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most || n == -1 || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("level %q", s)
	}
	return n, nil
}
