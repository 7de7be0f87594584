package zdeflate

// lengthOrder is the order of RFC 1951, section 3.2.7.
var lengthOrder = [lenCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// Codes for repeated lengths.
const (
	repeat    = 16 // the last one 3 to 6 times
	zeros     = 17 // 3 to 10
	manyZeros = 18 // 11 to 138
)

// runs calls emit for what the code lengths of a tree are written as: a code,
// and how often it is repeated beyond the least, if it is a repeating one.
func runs(t *tree, emit func(code, extra int)) {
	last, count := -1, 0
	most, least := bounds(-1, int(t.len[0]))
	for i := 0; i <= t.maxCode; i++ {
		now, next := int(t.len[i]), -1
		if i < t.maxCode {
			next = int(t.len[i+1])
		}
		count++
		if count < most && now == next {
			continue
		}
		switch {
		case count < least:
			for range count {
				emit(now, 0)
			}
		case now != 0:
			if now != last {
				emit(now, 0)
				count--
			}
			emit(repeat, count-3)
		case count <= 10:
			emit(zeros, count-3)
		default:
			emit(manyZeros, count-11)
		}
		count, last = 0, now
		most, least = bounds(now, next)
	}
}

// bounds returns how many of next make a run at most, and at least.
func bounds(now, next int) (most, least int) {
	switch {
	case next == 0:
		return 138, 3
	case now == next:
		return 6, 3
	}
	return 7, 4
}

// buildLengths makes the codes of the lengths of the codes, and returns how many
// of them are written.
func (b *block) buildLengths() int {
	b.lengths.reset()
	count := func(code, _ int) { b.lengths.freq[code]++ }
	runs(&b.lit, count)
	runs(&b.dist, count)
	b.lengths.build()
	n := lenCodes
	for n > 4 && b.lengths.len[lengthOrder[n-1]] == 0 {
		n--
	}
	return n
}

func (b *block) writeTables(order int) {
	b.out.write(uint64(b.lit.maxCode+1-257), 5)
	b.out.write(uint64(b.dist.maxCode+1-1), 5)
	b.out.write(uint64(order-4), 4)
	for _, i := range lengthOrder[:order] {
		b.out.write(uint64(b.lengths.len[i]), 3)
	}
	emit := func(code, extra int) {
		c := b.lengths.code[code]
		b.out.write(uint64(c.bits), uint(c.len))
		if code >= repeat {
			b.out.write(uint64(extra), uint(b.lengths.extra[code]))
		}
	}
	runs(&b.lit, emit)
	runs(&b.dist, emit)
}
