package zdeflate

import (
	"errors"
	"fmt"
	"io"
)

// A Variant is one of the two programs, which differ in where blocks end, and in
// what happens in the last bytes.
type Variant uint8

// The variants there are.
const (
	Zlib Variant = iota
	GNU          // gzip
)

const (
	windowSize   = 1 << 15
	windowMask   = windowSize - 1
	minMatch     = 3
	maxMatch     = 258
	minLookahead = maxMatch + minMatch + 1
	maxDist      = windowSize - minLookahead
	tooFar       = 4096 // a match of 3 bytes from farther back costs more than it saves
	slideAt      = windowSize + maxDist
	hashSize     = 1 << 15
	// DictBytes is how much of a dictionary counts.
	DictBytes = windowSize
)

// config is what a level means: the length from which the search is cut short,
// below which a better match is looked for at the next byte, at which the search
// ends, and how many candidates are looked at.
type config struct{ good, lazy, nice, chain int }

func configOf(level int) (config, error) {
	all := [...]config{
		{},
		{4, 4, 8, 4},
		{4, 5, 16, 8},
		{4, 6, 32, 32},
		{4, 4, 16, 16},
		{8, 16, 32, 32},
		{8, 16, 128, 128},
		{8, 32, 128, 256},
		{32, 128, 258, 1024},
		{32, 258, 258, 4096},
	}
	if level < 1 || level >= len(all) {
		return config{}, fmt.Errorf("level %d", level)
	}
	return all[level], nil
}

// A Writer compresses to a stream. What it holds back is written by Close or
// [Writer.EndBlock].
type Writer struct {
	config
	variant Variant
	lazily  bool // levels 4 to 9
	block   block
	closed  bool

	window     [2*windowSize + 8]byte // the last bytes are never input
	start      int                    // of what is not compressed yet
	ahead      int                    // how much of it there is
	blockStart int                    // may be negative
	atEnd      bool                   // no more input comes
	learned    bool                   // the dictionary
	base       int64                  // where the window begins in the input
	onBlock    func(Block) error

	match       int // where the match lies that was found last
	matchLength int
	prevLength  int  // of the match at the byte before
	available   bool // the byte before waits

	head [hashSize]uint16 // where a hash was seen last; 0 is nowhere
	prev [windowSize]uint16
}

// NewWriter returns a writer of a level from 1 to 9.
func NewWriter(w io.Writer, v Variant, level int) (*Writer, error) {
	c, err := configOf(level)
	if err != nil {
		return nil, err
	}
	z := &Writer{config: c, variant: v, lazily: level >= 4}
	z.block.init(v, level)
	z.Reset(w)
	return z, nil
}

// Reset makes z a new writer to w.
func (z *Writer) Reset(w io.Writer) {
	z.closed, z.atEnd, z.learned, z.available = false, false, false, false
	z.start, z.ahead, z.blockStart, z.match, z.base = 0, 0, 0, 0, 0
	z.matchLength, z.prevLength = minMatch-1, minMatch-1
	clear(z.window[:])
	clear(z.head[:])
	clear(z.prev[:])
	z.block.reset()
	z.block.out = bitWriter{w: w, buf: z.block.out.buf[:0]}
}

// SetDictionary makes the writer of zlib know what lies before its input. It is
// called before the first Write, if at all.
func (z *Writer) SetDictionary(dict []byte) {
	dict = dict[max(0, len(dict)-DictBytes):]
	z.start = copy(z.window[:], dict)
	z.blockStart = z.start
}

// learn puts the dictionary into the hash chains, the last bytes of which need
// the first ones of the input.
func (z *Writer) learn() {
	for i := range min(z.start, z.start+z.ahead-minMatch+1) {
		z.insert(i)
	}
}

// Write implements io.Writer. The sizes of the writes do not show in the output.
func (z *Writer) Write(p []byte) (int, error) {
	if z.closed {
		return 0, errors.New("flate: closed writer")
	}
	all := len(p)
	for len(p) > 0 && z.block.out.err == nil {
		n := copy(z.window[z.start+z.ahead:2*windowSize], p)
		z.ahead += n
		p = p[n:]
		if z.start+z.ahead == 2*windowSize {
			z.run()
			z.slide()
		}
	}
	return all, z.block.out.err
}

// Close writes the last block and does not close what is written to.
func (z *Writer) Close() error {
	z.finish()
	z.block.flush(z.rest(), true)
	z.block.out.align()
	return z.block.out.flush()
}

// EndBlock ends as pigz does what others follow: at a byte, with an empty stored
// block or as many empty blocks as that takes.
func (z *Writer) EndBlock() error {
	z.finish()
	if len(z.block.tokens) > 0 {
		z.block.flush(z.rest(), false)
	}
	out := &z.block.out
	if out.n%2 != 0 {
		out.stored(nil, false)
	}
	for out.n%8 != 0 {
		out.write(fixedBlock<<1, 10) // with an end of block, which is seven zeros
	}
	return out.flush()
}

func (z *Writer) finish() {
	z.closed = true
	z.run()
	z.slide()
	z.atEnd = true
	clear(z.window[z.start+z.ahead:][:minMatch-1])
	z.run()
	if z.available {
		z.block.literal(z.window[z.start-1], 0)
		z.available = false
	}
}

// run compresses what there is, all of it at the end.
func (z *Writer) run() {
	if !z.learned {
		z.learned = true
		z.learn()
	}
	for (z.ahead >= minLookahead || z.atEnd && z.ahead > 0) && z.block.out.err == nil {
		if z.lazily {
			z.stepLazily()
		} else {
			z.step()
		}
	}
}

// rest returns the input of the block that ends at start, or nil if the window
// has lost some of it.
func (z *Writer) rest() input {
	in := input{size: z.start - z.blockStart}
	if z.blockStart >= 0 {
		in.bytes = z.window[z.blockStart:z.start]
	}
	z.blockStart = z.start
	return in
}
