package zdeflate

// Kinds of blocks (RFC 1951, section 3.2.3).
const (
	storedBlock  = 0
	fixedBlock   = 1
	dynamicBlock = 2
)

const (
	literals  = 256
	endBlock  = 256
	litCodes  = 286
	distCodes = 30
	lenCodes  = 19
	// zlibTokens and gnuTokens is how many tokens a block has at most.
	zlibTokens = 1<<14 - 1
	gnuTokens  = 1<<15 - 1
	// guessTokens is how often gzip asks whether it were better to end a block.
	guessTokens = 1 << 12
)

// A token is a distance and a length less minMatch, or no distance and a byte.
type token uint32

func (t token) dist() int { return int(t >> 8) }
func (t token) low() int  { return int(t & 0xff) }

// input is what a block was made of; bytes are nil if they are lost.
type input struct {
	bytes []byte
	size  int
}

// block gathers tokens and writes them.
type block struct {
	out     bitWriter
	variant Variant
	guesses bool
	tokens  []token
	matches int
	lit     tree
	dist    tree
	lengths tree // of the codes of the two others
	codes   codes
}

func (b *block) init(v Variant, level int) {
	b.variant = v
	b.guesses = v == GNU && level > 2
	b.codes = newCodes()
	b.lit = newTree(litCodes, 15, b.codes.fixed[:], b.codes.lengthExtra, literals+1)
	b.dist = newTree(distCodes, 15, b.codes.fixedDist[:], b.codes.distExtra, 0)
	b.lengths = newTree(lenCodes, 7, nil, []uint8{16: 2, 17: 3, 18: 7}, 0)
	b.reset()
}

func (b *block) reset() {
	b.tokens, b.matches = b.tokens[:0], 0
	b.lit.reset()
	b.dist.reset()
	b.lit.freq[endBlock] = 1
}

// literal says whether the block is to end here; size is of its input without
// what waits.
func (b *block) literal(c byte, size int) bool {
	b.tokens = append(b.tokens, token(c))
	b.lit.freq[c]++
	return b.full(size)
}

func (b *block) matched(dist, length, size int) bool {
	b.tokens = append(b.tokens, token(dist)<<8|token(length-minMatch))
	b.matches++
	b.lit.freq[literals+1+int(b.codes.length[length-minMatch])]++
	b.dist.freq[b.codes.dist(dist)]++
	return b.full(size)
}

func (b *block) full(size int) bool {
	if b.variant == Zlib {
		return len(b.tokens) == zlibTokens
	}
	if b.guesses && len(b.tokens)%guessTokens == 0 {
		out := len(b.tokens) * 8
		for i, f := range b.dist.freq[:distCodes] {
			out += int(f) * (5 + int(b.codes.distExtra[i]))
		}
		if b.matches < len(b.tokens)/2 && out/8 < size/2 {
			return true
		}
	}
	return len(b.tokens) == gnuTokens
}

// flush writes the block in the shortest of the three forms.
func (b *block) flush(in input, last bool) {
	b.lit.build()
	b.dist.build()
	order := b.buildLengths()
	bits := b.lit.bits + b.dist.bits + b.lengths.bits + 3*order + 5 + 5 + 4
	dynamic, fixed := (bits+3+7)/8, (b.lit.fixedBits+b.dist.fixedBits+3+7)/8
	switch {
	case in.bytes != nil && in.size+4 <= min(dynamic, fixed):
		b.out.stored(in.bytes, last)
	case fixed <= dynamic:
		b.out.header(fixedBlock, last)
		b.write(b.codes.fixed[:], b.codes.fixedDist[:])
	default:
		b.out.header(dynamicBlock, last)
		b.writeTables(order)
		b.write(b.lit.code[:], b.dist.code[:])
	}
	b.reset()
	if len(b.out.buf) >= flushBytes {
		_ = b.out.flush() // kept in out
	}
}

const flushBytes = 32 << 10

func (b *block) write(lit, dist []code) {
	c := &b.codes
	for _, t := range b.tokens {
		low := t.low()
		d := t.dist()
		if d == 0 {
			b.out.write(uint64(lit[low].bits), uint(lit[low].len))
			continue
		}
		n := c.length[low]
		l := lit[literals+1+int(n)]
		b.out.write(uint64(l.bits)|uint64(low-int(c.lengthBase[n]))<<l.len, uint(l.len)+uint(c.lengthExtra[n]))
		k := c.dist(d)
		p := dist[k]
		b.out.write(uint64(p.bits)|uint64(d-1-int(c.distBase[k]))<<p.len, uint(p.len)+uint(c.distExtra[k]))
	}
	b.out.write(uint64(lit[endBlock].bits), uint(lit[endBlock].len))
}
