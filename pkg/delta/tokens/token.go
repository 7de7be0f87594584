package tokens

import "math/bits"

// Of deflate (RFC 1951, section 3.2.5).
const (
	minMatch  = 3
	maxMatch  = 258
	maxDist   = 32 << 10
	endSymbol = 256
	litCodes  = 286
	distCodes = 30
)

// A token is a literal byte, or a match: matchBit, length less 3, distance less 1.
type token uint32

const matchBit = 1 << 31

func newMatch(length, dist int) token {
	return token(matchBit | uint32(length-minMatch)<<16 | uint32(dist-1))
}

func (t token) isMatch() bool { return t&matchBit != 0 }

// length returns how many bytes t stands for.
func (t token) length() int {
	if !t.isMatch() {
		return 1
	}
	return int(t>>16&0xff) + minMatch
}

// dist returns the distance of a match.
func (t token) dist() int { return int(t&(maxDist-1)) + 1 }

// lengthSymbol returns the symbol of a length and how many extra bits it has: those
// are the lowest of length-3.
func lengthSymbol(length int) (symbol int, extra uint) {
	n := uint(length - minMatch)
	switch {
	case length == maxMatch:
		return 285, 0
	case n < 8:
		return 257 + int(n), 0
	}
	extra = uint(bits.Len(n)) - 3
	return 257 + int(4*extra+n>>extra), extra
}

// lengthBase is the inverse: the length less 3 whose extra bits are zero.
func lengthBase(symbol int) (base int, extra uint) {
	s := symbol - 257
	switch {
	case s == 28:
		return maxMatch - minMatch, 0
	case s < 8:
		return s, 0
	}
	extra = uint(s>>2) - 1
	return (4 + s&3) << extra, extra
}

// distSymbol returns the symbol of a distance and how many extra bits it has.
func distSymbol(dist int) (symbol int, extra uint) {
	n := uint(dist - 1)
	if n < 4 {
		return int(n), 0
	}
	extra = uint(bits.Len(n)) - 2
	return int(2*extra + n>>extra), extra
}

func distBase(symbol int) (base int, extra uint) {
	if symbol < 4 {
		return symbol, 0
	}
	extra = uint(symbol>>1) - 1
	return (2 + symbol&1) << extra, extra
}
