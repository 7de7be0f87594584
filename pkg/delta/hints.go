package delta

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/delta/tokens"
)

// Sizes of what hints are kept in.
const (
	hintBytes = 64 << 10 // compressed together
	hintSlots = 64       // of unpacked ones

	freeHintBytes = 1 << 20 // that may be kept in any case
)

// A hintSpool keeps the hints for what is taken from bases: in a file, compressed to
// about a quarter of what the bases unpack to.
type hintSpool struct {
	file   *spool
	limit  int64       // of the file
	pieces []hintPiece // by address
	enc    *zstd.Encoder
	dec    *zstd.Decoder
	buf    []byte
	slots  [hintSlots]hintSlot
}

// A hintPiece is the hints for some bytes in a row.
type hintPiece struct {
	at     int64 // address
	stored int64 // where they stand in the file
	size   int32 // there
	n      int32 // unpacked
}

type hintSlot struct {
	piece int // 1 + its number; 0 is none
	b     []byte
}

// newHintSpool returns a spool that takes no more than a layer of length bytes unpacked.
func newHintSpool(dir string, length int64) (_ *hintSpool, err error) {
	h := &hintSpool{limit: length + freeHintBytes}
	if h.file, err = newSpool(dir); err != nil {
		return nil, err
	}
	h.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(hintBytes), zstd.WithEncoderCRC(false))
	if err == nil {
		h.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	}
	if err != nil {
		return nil, errors.Join(err, h.file.Close())
	}
	return h, nil
}

// Close gives the space back.
func (h *hintSpool) Close() error {
	h.dec.Close()
	return h.file.Close()
}

// store keeps the hints for the bytes at an address, which comes after all before.
func (h *hintSpool) store(at int64, hints []byte) error {
	h.buf = h.enc.EncodeAll(hints, h.buf[:0])
	if h.file.n+int64(len(h.buf)) > h.limit {
		return fmt.Errorf("%w: tokens of more than %d bytes to keep", ErrInvalid, h.limit)
	}
	h.pieces = append(h.pieces, hintPiece{at: at, stored: h.file.n, size: int32(len(h.buf)), n: int32(len(hints))})
	_, err := h.file.Write(h.buf)
	return err
}

// load returns the hints of a piece. They are valid until the next call.
func (h *hintSpool) load(i int) ([]byte, error) {
	slot := &h.slots[i%hintSlots]
	if slot.piece == i+1 {
		return slot.b, nil
	}
	p := h.pieces[i]
	h.buf = append(h.buf[:0], make([]byte, p.size)...)
	if err := readFull(h.file, h.buf, p.stored); err != nil {
		return nil, err
	}
	var err error
	slot.piece = i + 1
	slot.b, err = h.dec.DecodeAll(h.buf, slot.b[:0])
	return slot.b, err
}

// read reads hints for bytes at an address; there are none where nobody kept any. It
// returns how many it has read.
func (h *hintSpool) read(p []byte, at int64) (int, error) {
	i, ok := slices.BinarySearchFunc(h.pieces, at, func(q hintPiece, at int64) int { return cmp.Compare(q.at, at) })
	if !ok {
		i--
	}
	if i >= 0 && at < h.pieces[i].at+int64(h.pieces[i].n) {
		b, err := h.load(i)
		return copy(p, b[at-h.pieces[i].at:]), err
	}
	if i+1 < len(h.pieces) {
		p = p[:min(int64(len(p)), h.pieces[i+1].at-at)]
	}
	noHints(p)
	return len(p), nil
}

func noHints(p []byte) {
	for i := range p {
		p[i] = tokens.None
	}
}
