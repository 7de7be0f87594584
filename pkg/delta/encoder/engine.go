package encoder

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dray-oci/dray/pkg/delta/encoder/internal/zdeflate"
)

// An engine is an encoder with its settings: what makes the stream between the
// header and the trailer.
type engine interface {
	// newWriter returns a writer of one stream to w. Close ends the stream and
	// does not close w. The sizes of the writes do not show in the output.
	newWriter(w io.Writer) (io.WriteCloser, error)
}

// A splitter is an engine whose stream can be made in pieces, on several cores.
type splitter interface {
	engine
	// pieces returns nil if the tar of r is made in one.
	pieces(r Recipe, tar io.ReaderAt) *pieces
}

// A teller is a splitter that needs checkpoints.
type teller interface {
	splitter
	// newTeller is newWriter; tell is called at every place to start at.
	newTeller(w io.Writer, tell func(Checkpoint)) (io.WriteCloser, error)
}

// engineOf returns the engine that r names.
func engineOf(r Recipe) (engine, error) {
	if len(r.Encoder) > maxEncoderBytes {
		return nil, fmt.Errorf("the encoder's name has %d bytes", len(r.Encoder))
	}
	switch r.Wrap {
	case Gzip:
		return gzipEngine(r.Encoder)
	case Zstd:
		return zstdEngineOf(r.Encoder)
	}
	return nil, fmt.Errorf("encoder %q of wrap %q is not known", r.Encoder, string(r.Wrap))
}

// gzipEngine reads FAMILY/LEVEL or pgzip-FAMILY/LEVEL/BLOCK.
func gzipEngine(name string) (engine, error) {
	family, settings, _ := strings.Cut(name, "/")
	settings, block, inBlocks := strings.Cut(settings, "/")
	level, err := parseLevel(settings)
	if err != nil {
		return nil, fmt.Errorf("encoder %q: %w", name, err)
	}
	if !inBlocks && level > 0 {
		switch family {
		case zlibFamily:
			return zEngine{zdeflate.Zlib, level}, nil
		case gnuFamily:
			return zEngine{zdeflate.GNU, level}, nil
		case pigzFamily:
			return pigzEngine(level), nil
		}
	}
	kp, isPgzip := strings.CutPrefix(family, "pgzip-")
	kpf, isKp := kpFamily(kp)
	switch {
	case family == goFamily && !inBlocks:
		return goEngine(level), nil
	case isKp && !isPgzip && !inBlocks:
		return kpEngine{kpf, level}, nil
	case isKp && isPgzip && inBlocks:
		size, err := pgzipBlock(block)
		return pgzipEngine{kpEngine{kpf, level}, size}, err
	}
	return nil, fmt.Errorf("encoder %q is not known", name)
}

// parseLevel reads a level in its only spelling; -1 has another, its meaning.
func parseLevel(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < -2 || n > 9 || n == -1 || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("level %q", s)
	}
	return n, nil
}
