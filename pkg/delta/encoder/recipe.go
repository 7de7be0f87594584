package encoder

import (
	"errors"
	"fmt"

	"github.com/dray-oci/dray/pkg/delta/encoder/internal/goflate"
)

// Errors of this package.
var (
	// ErrUnknown: no encoder that is known here makes exactly these bytes.
	ErrUnknown = errors.New("no known encoder makes these bytes")
	// ErrRecipe: a recipe is damaged, or needs what is not known here.
	ErrRecipe = errors.New("the recipe is not valid")
)

// A Wrap is what is around the tar.
type Wrap string

// The wraps there are.
const (
	Plain Wrap = "plain" // nothing
	Gzip  Wrap = "gzip"  // one member (RFC 1952)
	Zstd  Wrap = "zstd"  // RFC 8878
)

// A Recipe says how to make a blob from its plain tar. It is a value: it holds
// no resources, and its methods may be called concurrently.
type Recipe struct {
	Wrap Wrap `json:"wrap"`
	// Encoder names the encoder and its settings, as "go1.8/6". Names never
	// change their meaning; docs/formats.md lists them. Empty if Wrap is Plain.
	Encoder string `json:"encoder,omitempty"`
	// Size is the number of bytes of the plain tar.
	Size int64 `json:"size"`
	// Header is the gzip header, verbatim.
	Header []byte `json:"header,omitempty"`
	// Checkpoints are where the encoder can start, in order. They save time
	// and change nothing else; none means that only one core can work.
	Checkpoints []Checkpoint `json:"checkpoints,omitempty"`
}

// A Checkpoint is a place between two deflate blocks where an encoder can start
// that sees the tar around it.
type Checkpoint struct {
	Tar    int64 `json:"tar"`              // bytes of tar before
	Phase  int   `json:"phase,omitempty"`  // bits that the output before has in its last byte, below 8
	Length int   `json:"length,omitempty"` // of the match that waits; 0: none
	Offset int   `json:"offset,omitempty"` // of that match
}

// Bounds of a recipe.
const (
	maxHeaderBytes  = 4 << 10
	maxEncoderBytes = 64
	maxCheckpoints  = 1 << 16
	maxTarBytes     = 1 << 46 // so that blocks can be counted in 32 bits
	// segmentBytes is how far apart checkpoints are taken: below, starting costs
	// too much, above, a core waits for the last one.
	segmentBytes = 4 << 20
	// maxSegmentBytes is how far apart they may be, since a segment's output is
	// held in memory: a block can have 16,384 matches of 258 bytes.
	maxSegmentBytes = 16 << 20
	// tailBytes is how much of the tar must follow the last one.
	tailBytes = 2 * goflate.WindowBytes
)

// Validate returns an error that satisfies [ErrRecipe] if nothing can be made
// by r here: its encoder is not known, or it breaks a bound.
func (r Recipe) Validate() error {
	if err := r.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	return nil
}

func (r Recipe) check() error {
	if r.Size < 0 || r.Size > maxTarBytes {
		return fmt.Errorf("%d bytes of tar", r.Size)
	}
	if r.Wrap == Plain {
		if r.Encoder != "" || len(r.Header)+len(r.Checkpoints) != 0 {
			return errors.New("a plain tar needs no encoder")
		}
		return nil
	}
	e, err := engineOf(r)
	if err != nil {
		return err
	}
	if err := checkHeader(r); err != nil {
		return err
	}
	if len(r.Checkpoints) == 0 {
		return nil
	}
	if _, ok := e.(teller); !ok {
		return fmt.Errorf("%s has no checkpoints", r.Encoder)
	}
	return checkCheckpoints(r.Checkpoints, r.Size)
}

func checkHeader(r Recipe) error {
	if r.Wrap != Gzip {
		if len(r.Header) != 0 {
			return fmt.Errorf("%s has no gzip header", r.Wrap)
		}
		return nil
	}
	if n, err := gzipHeaderLen(r.Header); err != nil || n != len(r.Header) {
		return errors.Join(errors.New("the gzip header is not valid"), err)
	}
	return nil
}

func checkCheckpoints(cs []Checkpoint, size int64) error {
	if len(cs) > maxCheckpoints {
		return fmt.Errorf("%d checkpoints", len(cs))
	}
	last := int64(0)
	for _, c := range cs {
		if c.Tar <= last || c.Tar-last > maxSegmentBytes || c.Tar > size-tailBytes {
			return fmt.Errorf("a checkpoint at byte %d of %d after one at %d", c.Tar, size, last)
		}
		if c.Phase < 0 || c.Phase > 7 || c.Length < 0 || c.Length > goflate.MaxLength || c.Offset < 0 || c.Offset > goflate.MaxOffset {
			return fmt.Errorf("a checkpoint at byte %d with %d bits and a match of %d bytes %d back", c.Tar, c.Phase, c.Length, c.Offset)
		}
		last = c.Tar
	}
	if size-last > maxSegmentBytes {
		return fmt.Errorf("no checkpoint in the last %d bytes", size-last)
	}
	return nil
}
