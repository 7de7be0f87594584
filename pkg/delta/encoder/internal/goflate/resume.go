package goflate

import (
	"errors"
	"io"
)

// A Block is the border after a block of 16,384 tokens, told by a writer of the
// levels 4 to 9. Together with the input around it, it is all that the state of
// the writer depends on there: these levels put every position into their hash
// chains, so the chains can be made again.
type Block struct {
	Pos    int64 // bytes of input whose tokens were written
	Bits   int64 // of output, until here
	Length int   // of the match that waits at Pos, whose first byte is taken; 3 is too short for one; 0: none is looked at yet
	Offset int   // of that match
}

// Bounds of a Block.
const (
	MinLength = minMatchLength - 1
	MaxLength = maxMatchLength
	MaxOffset = maxMatchOffset
	// WindowBytes is how much input [Resume] wants to see.
	WindowBytes = 2 * windowSize
)

// slideAt is where in the window the next byte slides it: see fillDeflate.
const slideAt = 2*windowSize - (minMatchLength + maxMatchLength)

// OnBlock has f called at every border between blocks. An error that it returns
// ends the writing: it is what Write or Close returns, and nothing of the input
// beyond the border was written.
func (w *Writer) OnBlock(f func(Block) error) { w.d.block = f }

func (d *compressor) tell(pos, length, offset int) error {
	if d.block == nil || d.fastSkipHashing != skipNever {
		return nil
	}
	bits := (d.w.total+int64(d.w.nbytes))*8 + int64(d.w.nbits)
	return d.block(Block{Pos: d.base + int64(pos), Bits: bits, Length: length, Offset: offset})
}

// WindowAt returns where the window begins that a writer has after b.
func WindowAt(b Block) int64 {
	if index := b.index(); index >= slideAt {
		return (index - slideAt + windowSize) / windowSize * windowSize
	}
	return 0
}

func (b Block) index() int64 {
	if b.Length != 0 {
		return b.Pos + 1
	}
	return b.Pos
}

// Resume returns a writer that goes on after b. The window is the input from
// [WindowAt] on, WindowBytes of it; what is written next is the input after that.
// The first byte of output has b.Bits%8 zero bits where the last ones of the
// output before belong.
func Resume(w io.Writer, level int, b Block, window []byte) (*Writer, error) {
	valid := b.Length == 0 || MinLength <= b.Length && b.Length <= MaxLength && 0 <= b.Offset && b.Offset <= MaxOffset
	if level < 4 || level > 9 || b.Pos <= 0 || b.Bits < 0 || !valid || len(window) != WindowBytes {
		return nil, errors.New("flate: not a place to go on from")
	}
	if b.Length > MinLength && b.Offset == 0 {
		return nil, errors.New("flate: a match without an offset")
	}
	z, err := NewWriter(w, level)
	if err != nil {
		return nil, err
	}
	d := &z.d
	d.base = WindowAt(b)
	d.windowEnd = copy(d.window, window)
	d.index = int(b.index() - d.base)
	d.blockStart = int(b.Pos - d.base)
	if b.Length != 0 {
		d.byteAvailable, d.length, d.offset = true, b.Length, b.Offset
	}
	for i := range d.index {
		hh := &d.hashHead[hash4(d.window[i:i+minMatchLength])&hashMask]
		d.hashPrev[i&windowMask] = *hh
		*hh = uint32(i + d.hashOffset)
	}
	d.w.nbits = uint(b.Bits % 8)
	return z, nil
}

// Rest writes what was held back when [Writer.OnBlock] ended the writing. The
// bits of the last byte that belong to the next block are zero.
func (w *Writer) Rest() error {
	b := w.d.w
	for b.nbits > 0 {
		b.bytes[b.nbytes] = byte(b.bits)
		b.nbytes++
		b.bits >>= 8
		b.nbits -= min(b.nbits, 8)
	}
	_, err := b.writer.Write(b.bytes[:b.nbytes])
	b.nbytes = 0
	return err
}
