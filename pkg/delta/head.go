package delta

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// magic begins every recipe; the byte after it is the version of the format: 2 if it
// tells tokens, so that whoever does not know these refuses it, else 1.
const magic = "drayrcp"

// Versions of the format.
const (
	versionPlain  = 1
	versionTokens = 2
)

// Bounds on a recipe.
const (
	maxHeadBytes    = 64 << 10
	maxBases        = 16
	maxProgramBytes = 48 << 20 // of columns, unpacked
	maxEncoderBytes = 16 << 20
	maxSegments     = 1 << 21
	maxRatio        = 1100     // of what a blob unpacks to, as in package compress
	freeBytes       = 64 << 20 // that it may unpack to in any case
	windowBytes     = 8 << 20  // of the zstd frames
)

// A Head is what a recipe says of itself.
type Head struct {
	// Target is the blob that it rebuilds.
	Target Ref `json:"target"`
	// Packed says that the target is described as it is stored; else what it unpacks
	// to is described, and Encoder makes the target of that again.
	Packed bool `json:"packed,omitempty"`
	// Length of what is described.
	Length int64 `json:"length"`
	// Bases are what it copies from, in the order of their addresses.
	Bases []Base `json:"bases,omitempty"`
	// Sections are the lengths of what follows: encoder, program, new bytes, differences, tokens.
	Sections Sections `json:"sections"`
	// Window is how far the zstd frames of the sections point back at most.
	Window int64 `json:"window"`
}

// A Ref names a blob.
type Ref struct {
	Digest v1.Hash `json:"digest"`
	Size   int64   `json:"size"`
	// DiffID is the digest of what it unpacks to; zero if nobody looked.
	DiffID v1.Hash `json:"diffID,omitzero"`
}

// A Base is a blob that is copied from.
type Base struct {
	Ref
	// Packed says that its bytes are taken as they are stored.
	Packed bool `json:"packed,omitempty"`
	// Tokens says that its tokens are taken too, so it must be this very blob.
	Tokens bool `json:"tokens,omitempty"`
	// Length of what is taken from: of the tar, or of the blob if Packed.
	Length int64 `json:"length"`
}

// Sections are lengths in bytes.
type Sections struct {
	Encoder int64 `json:"encoder"`
	Program int64 `json:"program"`
	New     int64 `json:"new"`
	Changes int64 `json:"changes"`
	// Tokens are there instead of Encoder, where that is not known.
	Tokens int64 `json:"tokens,omitempty"`
}

// ReadHead reads what the recipe that open opens says of itself, from its first
// bytes. It fails with [ErrInvalid] if it breaks a bound.
func ReadHead(ctx context.Context, open blob.Opener) (Head, error) {
	h, _, err := readHead(ctx, open)
	return h, err
}

// readHead returns where the sections begin, too.
func readHead(ctx context.Context, open blob.Opener) (Head, int64, error) {
	rc, err := open(ctx, 0, -1)
	if err != nil {
		return Head{}, 0, err
	}
	version, raw, err := headBytes(rc)
	if err := errors.Join(err, rc.Close()); err != nil {
		return Head{}, 0, fmt.Errorf("reading recipe: %w", err)
	}
	var h Head
	if err := manifest.Decode(raw, &h); err != nil {
		return Head{}, 0, fmt.Errorf("reading recipe: %w: %w", ErrInvalid, err)
	}
	if err := h.check(); err != nil {
		return Head{}, 0, fmt.Errorf("reading recipe: %w: %w", ErrInvalid, err)
	}
	if h.version() != version {
		return Head{}, 0, fmt.Errorf("reading recipe: %w: a section that version %d has not", ErrInvalid, version)
	}
	return h, int64(startBytes + len(raw)), nil
}

const startBytes = len(magic) + 1 + 4 // magic, version, length of the head

func headBytes(r io.Reader) (version byte, raw []byte, err error) {
	var start [startBytes]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return 0, nil, fmt.Errorf("%w: it is cut", ErrInvalid)
	}
	version = start[len(magic)]
	if string(start[:len(magic)]) != magic || version != versionPlain && version != versionTokens {
		return 0, nil, fmt.Errorf("%w: it does not begin like one that this version knows", ErrInvalid)
	}
	n := binary.BigEndian.Uint32(start[len(magic)+1:])
	if n > maxHeadBytes {
		return 0, nil, fmt.Errorf("%w: a head of %d bytes, more than the %d allowed", ErrInvalid, n, maxHeadBytes)
	}
	raw = make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return 0, nil, fmt.Errorf("%w: it is cut", ErrInvalid)
	}
	return version, raw, nil
}

func (h Head) version() byte {
	if h.Sections.Tokens > 0 {
		return versionTokens
	}
	return versionPlain
}

// MediaType returns that of the recipe.
func (h Head) MediaType() string {
	if h.version() == versionTokens {
		return MediaTypeTokens
	}
	return MediaType
}

// bytes returns the head as it stands in a recipe.
func (h Head) bytes() ([]byte, error) {
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(magic)
	b.WriteByte(h.version())
	if err := binary.Write(&b, binary.BigEndian, uint32(len(raw))); err != nil {
		return nil, err
	}
	b.Write(raw)
	return b.Bytes(), nil
}

// check holds h against the bounds.
func (h Head) check() error {
	if err := h.Target.check(); err != nil {
		return fmt.Errorf("its target: %w", err)
	}
	if h.Length < 0 || h.Length > maxLength(h.Target.Size) || h.Packed && h.Length != h.Target.Size {
		return fmt.Errorf("%d bytes cannot become %d", h.Target.Size, h.Length)
	}
	if len(h.Bases) > maxBases {
		return fmt.Errorf("%d bases, more than the %d allowed", len(h.Bases), maxBases)
	}
	for _, b := range h.Bases {
		if err := b.check(); err != nil {
			return fmt.Errorf("a base: %w", err)
		}
		if b.Length < 0 || b.Length > maxLength(b.Size) || b.Packed && b.Length != b.Size {
			return fmt.Errorf("a base of %d bytes cannot become %d", b.Size, b.Length)
		}
	}
	s := h.Sections
	if s.Encoder < 0 || s.Encoder > maxEncoderBytes || s.Program < 0 || s.Program > maxProgramBytes ||
		s.New < 0 || s.New > manifest.MaxSize || s.Changes < 0 || s.Changes > manifest.MaxSize ||
		s.Tokens < 0 || s.Tokens > manifest.MaxSize {
		return errors.New("a section is longer than allowed")
	}
	if s.Tokens > 0 && (h.Packed || s.Encoder > 0) {
		return errors.New("tokens and another way to make the target")
	}
	if h.Window < 0 || h.Window > windowBytes {
		return fmt.Errorf("a window of %d bytes, more than the %d allowed", h.Window, windowBytes)
	}
	return nil
}

func (r Ref) check() error {
	if _, err := v1.NewHash(r.Digest.String()); err != nil {
		return err
	}
	if r.Size < 0 || r.Size > manifest.MaxSize {
		return fmt.Errorf("%d bytes", r.Size)
	}
	return nil
}

// maxLength is what a blob of size bytes can unpack to.
func maxLength(size int64) int64 { return min(size, manifest.MaxSize)*maxRatio + freeBytes }
