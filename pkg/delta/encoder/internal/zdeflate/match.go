package zdeflate

import (
	"encoding/binary"
	"math/bits"
)

// hash is of three bytes, of which two lie in the bits of the third as well.
func (z *Writer) hash(i int) int {
	w := z.window[i : i+minMatch : i+minMatch]
	return (int(w[0])<<10 ^ int(w[1])<<5 ^ int(w[2])) & (hashSize - 1)
}

// insert puts position i into its chain and returns who was there before.
func (z *Writer) insert(i int) int {
	head := &z.head[z.hash(i)]
	before := *head
	z.prev[i&windowMask] = before
	*head = uint16(i)
	return int(before)
}

// slide drops the older half of the window once little of the newer is left.
func (z *Writer) slide() {
	if z.start < slideAt {
		return
	}
	copy(z.window[:windowSize], z.window[windowSize:])
	z.start -= windowSize
	z.match -= windowSize
	z.blockStart -= windowSize
	z.base += windowSize
	for _, positions := range [2][]uint16{z.head[:], z.prev[:]} {
		for i, at := range positions {
			positions[i] = at - min(at, windowSize)
		}
	}
}

// canMatch says whether a match may be looked for at start from a candidate.
func (z *Writer) canMatch(at int) bool {
	return at != 0 && z.start-at <= maxDist && (z.variant == Zlib || z.start <= slideAt)
}

// longest looks for a match that is longer than prevLength, from a candidate
// back through its chain. It returns its length, or one that is not longer.
func (z *Writer) longest(at int) int {
	best, nice, tries, most := z.prevLength, z.nice, z.chain, maxMatch
	if best >= z.good {
		tries >>= 2
	}
	if z.variant == Zlib { // gzip compares what is not input, too
		nice, most = min(nice, z.ahead), min(most, z.ahead)
	}
	limit := max(0, z.start-maxDist)
	scan := z.window[z.start : z.start+maxMatch : z.start+maxMatch]
	for ; tries > 0; tries-- {
		there := z.window[at : at+maxMatch : at+maxMatch]
		if there[best] == scan[best] && there[best-1] == scan[best-1] && there[0] == scan[0] {
			if n := common(scan[:most], there); n > best {
				z.match, best = at, n
				if n >= nice || n == maxMatch {
					break
				}
			}
		}
		if at = int(z.prev[at&windowMask]); at <= limit {
			break
		}
	}
	return min(best, z.ahead)
}

// common returns how many bytes a and b begin with alike; b is not shorter.
func common(a, b []byte) int {
	b = b[:len(a)]
	n := 0
	for ; len(a)-n >= 8; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}
