package tokens

import "math/bits"

const maxBits = 15

// A decodeTable finds symbols by the bits that come next: symbol<<4 | how many bits,
// 0 if no code begins so.
type decodeTable struct {
	entries []uint16
	mask    uint64
}

// set makes the table of codes of these lengths. It reports false if they are no
// code: too many, or too few unless it is one of a single bit, or none at all.
func (t *decodeTable) set(lengths []byte) bool {
	next, most, ok := firstCodes(lengths)
	if !ok {
		return false
	}
	size := 1 << most
	if cap(t.entries) < size {
		t.entries = make([]uint16, 1<<maxBits)
	}
	t.entries, t.mask = t.entries[:size], uint64(size-1)
	t.entries[0] = 0
	// A table for one bit more is that for the bits before twice, and what is as long. To
	// copy takes a tenth of the time that to set each entry takes: blocks without a token
	// have tables too, and many fit into a few bytes.
	for n := 1; n <= most; n++ {
		half := 1 << (n - 1)
		copy(t.entries[half:2*half], t.entries[:half])
		for symbol, m := range lengths {
			if int(m) == n {
				t.entries[reversed(next[n], uint(n))] = uint16(symbol<<4) | uint16(n)
				next[n]++
			}
		}
	}
	return true
}

// firstCodes returns the first code of each length (RFC 1951, section 3.2.2), and the
// greatest length.
func firstCodes(lengths []byte) (next [maxBits + 1]uint32, most int, ok bool) {
	var count [maxBits + 1]int
	for _, n := range lengths {
		count[n]++
		most = max(most, int(n))
	}
	code, left := uint32(0), 1
	for n := 1; n <= most; n++ {
		next[n] = code
		code = (code + uint32(count[n])) << 1
		if left = left<<1 - count[n]; left < 0 {
			return next, most, false
		}
	}
	return next, most, left == 0 || most == 0 || most == 1 && count[1] == 1
}

func reversed(code uint32, n uint) uint32 { return bits.Reverse32(code) >> (32 - n) }

// A code is how a symbol is written: its bits, reversed, and how many.
type code struct {
	bits uint16
	n    uint8
}

// setCodes sets codes to those of these lengths, which are a code.
func setCodes(codes []code, lengths []byte) bool {
	next, _, ok := firstCodes(lengths)
	if !ok {
		return false
	}
	for symbol, n := range lengths {
		if codes[symbol] = (code{}); n > 0 {
			codes[symbol] = code{uint16(reversed(next[n], uint(n))), n}
			next[n]++
		}
	}
	return true
}

// fixedLengths are those of RFC 1951, section 3.2.6. The last two of each are never used.
func fixedLengths() (lit [288]byte, dist [32]byte) {
	for i := range lit {
		switch {
		case i < 144:
			lit[i] = 8
		case i < 256:
			lit[i] = 9
		case i < 280:
			lit[i] = 7
		default:
			lit[i] = 8
		}
	}
	for i := range dist {
		dist[i] = 5
	}
	return lit, dist
}
