package zdeflate

// look inserts start and returns a candidate for a match, 0 if there is none.
func (z *Writer) look() int {
	if z.variant == Zlib && z.ahead < minMatch {
		return 0
	}
	return z.insert(z.start)
}

// step takes one byte or one match, as it comes: levels 1 to 3.
func (z *Writer) step() {
	if at := z.look(); z.canMatch(at) {
		z.matchLength = z.longest(at)
	}
	if z.matchLength < minMatch {
		full := z.block.literal(z.window[z.start], z.start-z.blockStart)
		z.start++
		z.ahead--
		z.flushIf(full, 0)
		return
	}
	n := z.matchLength
	full := z.block.matched(z.start-z.match, n, z.start-z.blockStart)
	z.ahead -= n
	if n <= z.lazy && (z.variant == GNU || z.ahead >= minMatch) {
		for i := 1; i < n; i++ {
			z.insert(z.start + i)
		}
	}
	z.start += n
	z.matchLength = 0
	z.flushIf(full, 0)
}

// stepLazily takes a match only when the next byte has no longer one: levels 4
// to 9.
func (z *Writer) stepLazily() {
	at := z.look()
	z.prevLength = z.matchLength
	before := z.match
	z.matchLength = minMatch - 1
	if z.prevLength < z.lazy && z.canMatch(at) {
		z.matchLength = z.longest(at)
		if z.matchLength == minMatch && z.start-z.match > tooFar {
			z.matchLength = minMatch - 1
		}
	}
	if z.prevLength >= minMatch && z.matchLength <= z.prevLength {
		z.takePrevious(before)
		return
	}
	full := z.available && z.block.literal(z.window[z.start-1], z.start-z.blockStart)
	z.flushIf(full, z.matchLength)
	z.available = true
	z.start++
	z.ahead--
}

// takePrevious takes the match that begins at the byte before.
func (z *Writer) takePrevious(at int) {
	full := z.block.matched(z.start-1-at, z.prevLength, z.start-z.blockStart)
	last := z.start + z.ahead - minMatch // position that has all its bytes
	z.ahead -= z.prevLength - 1
	for range z.prevLength - 2 {
		z.start++
		if z.variant == GNU || z.start <= last {
			z.insert(z.start)
		}
	}
	z.start++
	z.available = false
	z.matchLength = minMatch - 1
	z.flushIf(full, 0)
}

// flushIf ends a full block at start, where a match of that length waits.
func (z *Writer) flushIf(full bool, length int) {
	if !full {
		return
	}
	z.block.flush(z.rest(), false)
	if z.onBlock != nil && z.block.out.err == nil {
		z.block.out.err = z.tell(length)
	}
}
