package zdeflate

import (
	"errors"
	"io"
)

// A Block is the border after a full block, told by a writer of the levels 4 to 9.
// Together with the input around it, it is all that the state of the writer depends on
// there: these levels put every position into their hash chains, so the chains can
// be made again.
type Block struct {
	Pos    int64 // bytes of input whose tokens were written
	Phase  int   // bits of output until here, modulo 8
	Length int   // of the match that waits at Pos, whose first byte is taken; 2 is too short for one; 0: none is looked at yet
	Offset int   // of that match
}

// WindowBytes is how much input [Resume] wants to see.
const WindowBytes = 2 * windowSize

// OnBlock has f called at every border between blocks, if the level is 4 or more. An
// error that it returns ends the writing: it is what Write or Close returns, and
// nothing of the input beyond the border was written.
func (z *Writer) OnBlock(f func(Block) error) {
	if z.lazily {
		z.onBlock = f
	}
}

func (z *Writer) tell(length int) error {
	b := Block{Pos: z.base + int64(z.start), Phase: int(z.block.out.n % 8), Length: length}
	if length >= minMatch {
		b.Offset = z.start - z.match
	}
	return z.onBlock(b)
}

// WindowAt returns where the window begins that a writer has after b.
func WindowAt(b Block) int64 {
	if past := b.index() - slideAt - 1; past >= 0 {
		return (past/windowSize + 1) * windowSize
	}
	return 0
}

func (b Block) index() int64 {
	if b.Length != 0 {
		return b.Pos + 1
	}
	return b.Pos
}

func (b Block) valid() bool {
	switch {
	case b.Pos <= 0 || b.Phase < 0 || b.Phase > 7:
		return false
	case b.Length == 0 || b.Length == minMatch-1:
		return b.Offset == 0
	}
	return minMatch <= b.Length && b.Length <= maxMatch && 0 < b.Offset && int64(b.Offset) <= min(b.Pos, maxDist)
}

// Resume returns a writer that goes on after b. The window is the input from
// [WindowAt] on, WindowBytes of it; what is written next is the input after that.
// The first byte of output has b.Phase zero bits where the last ones of the output
// before belong.
func Resume(w io.Writer, v Variant, level int, b Block, window []byte) (*Writer, error) {
	z, err := NewWriter(w, v, level)
	if err != nil {
		return nil, err
	}
	if !z.lazily || !b.valid() || len(window) != WindowBytes {
		return nil, errors.New("flate: not a place to go on from")
	}
	z.base = WindowAt(b)
	copy(z.window[:], window)
	z.start = int(b.index() - z.base)
	z.ahead = WindowBytes - z.start
	z.blockStart = int(b.Pos - z.base)
	if b.Length != 0 {
		z.available, z.matchLength, z.match = true, b.Length, z.blockStart-b.Offset
	}
	z.learned = true
	for i := range z.start {
		z.insert(i)
	}
	z.block.out.n = uint(b.Phase)
	return z, nil
}

// Rest writes what was held back when [Writer.OnBlock] ended the writing. The
// bits of the last byte that belong to the next block are zero.
func (z *Writer) Rest() error {
	z.block.out.err = nil
	z.block.out.align()
	return z.block.out.flush()
}
