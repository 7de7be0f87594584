package zdeflate

import "math/bits"

// code is a Huffman code, as it is written: the first bit is the lowest.
type code struct {
	bits uint16
	len  uint8
}

func reverse(v uint16, n uint8) uint16 { return bits.Reverse16(v) >> (16 - n) }

// assign gives codes to lengths (RFC 1951, section 3.2.2).
func assign(to []code, lens []uint8) {
	var count, next [16]uint16
	for _, n := range lens {
		count[n]++
	}
	count[0] = 0
	for n := 1; n < 16; n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	for i, n := range lens {
		to[i] = code{}
		if n != 0 {
			to[i] = code{bits: reverse(next[n], n), len: n}
			next[n]++
		}
	}
}

const heapSize = 2*litCodes + 3

// tree makes Huffman codes of frequencies. Ties are broken as zlib breaks them:
// by depth, and by where in the heap they happen to be.
type tree struct {
	size, most int // symbols, and bits of a code
	fixed      []code
	extra      []uint8
	base       int // symbol that has the first of extra

	freq      [heapSize]uint16
	len       [heapSize]uint8
	code      [litCodes]code
	maxCode   int // the largest symbol that has one
	bits      int // of all, with extra ones
	fixedBits int

	dad   [heapSize]int16
	depth [heapSize]uint8
	heap  [heapSize]int16
	live  int // heap[1:live+1] is the heap
	done  int // heap[done:] are nodes, by falling frequency
}

func newTree(size, most int, fixed []code, extra []uint8, base int) tree {
	return tree{size: size, most: most, fixed: fixed, extra: extra, base: base}
}

func (t *tree) reset() { clear(t.freq[:t.size]) }

func (t *tree) build() {
	t.bits, t.fixedBits = 0, 0
	t.live, t.done, t.maxCode = 0, heapSize, -1
	for i := range t.size {
		t.len[i], t.depth[i] = 0, 0
		if t.freq[i] != 0 {
			t.live++
			t.heap[t.live] = int16(i)
			t.maxCode = i
		}
	}
	t.atLeastTwo()
	for i := t.live / 2; i >= 1; i-- {
		t.sift(i)
	}
	t.join()
	t.measure()
	assign(t.code[:t.size], t.len[:t.size])
}

// atLeastTwo adds symbols, since a code of no bits cannot be written.
func (t *tree) atLeastTwo() {
	for t.live < 2 {
		node := 0
		if t.maxCode < 2 {
			t.maxCode++
			node = t.maxCode
		}
		t.live++
		t.heap[t.live] = int16(node)
		t.freq[node] = 1
		t.bits--
		if t.fixed != nil {
			t.fixedBits -= int(t.fixed[node].len)
		}
	}
}

// join joins the two rarest until one is left.
func (t *tree) join() {
	for node := int16(t.size); ; node++ {
		a := t.heap[1]
		t.heap[1] = t.heap[t.live]
		t.live--
		t.sift(1)
		b := t.heap[1]
		t.done -= 2
		t.heap[t.done+1], t.heap[t.done] = a, b
		t.freq[node] = t.freq[a] + t.freq[b]
		t.depth[node] = max(t.depth[a], t.depth[b]) + 1
		t.dad[a], t.dad[b] = node, node
		t.heap[1] = node
		t.sift(1)
		if t.live < 2 {
			break
		}
	}
	t.done--
	t.heap[t.done] = t.heap[1]
}

func (t *tree) less(a, b int16) bool {
	return t.freq[a] < t.freq[b] || t.freq[a] == t.freq[b] && t.depth[a] <= t.depth[b]
}

func (t *tree) sift(at int) {
	v := t.heap[at]
	for child := 2 * at; child <= t.live; child *= 2 {
		if child < t.live && t.less(t.heap[child+1], t.heap[child]) {
			child++
		}
		if t.less(v, t.heap[child]) {
			break
		}
		t.heap[at] = t.heap[child]
		at = child
	}
	t.heap[at] = v
}

// measure gives each symbol a length of at most t.most bits.
func (t *tree) measure() {
	var count [16]int
	over := 0
	t.len[t.heap[t.done]] = 0
	at := t.done + 1
	for ; at < heapSize; at++ {
		node := int(t.heap[at])
		n := int(t.len[t.dad[node]]) + 1
		if n > t.most {
			n = t.most
			over++
		}
		t.len[node] = uint8(n)
		if node > t.maxCode {
			continue // no leaf
		}
		count[n]++
		extra := 0
		if node >= t.base && node-t.base < len(t.extra) {
			extra = int(t.extra[node-t.base])
		}
		t.bits += int(t.freq[node]) * (n + extra)
		if t.fixed != nil {
			t.fixedBits += int(t.freq[node]) * (int(t.fixed[node].len) + extra)
		}
	}
	if over > 0 {
		t.shorten(count, over)
	}
}

// shorten moves leaves up until no code is too long.
func (t *tree) shorten(count [16]int, over int) {
	for ; over > 0; over -= 2 {
		n := t.most - 1
		for count[n] == 0 {
			n--
		}
		count[n]--
		count[n+1] += 2
		count[t.most]--
	}
	at := heapSize
	for n := t.most; n > 0; n-- {
		for left := count[n]; left > 0; {
			at--
			node := int(t.heap[at])
			if node > t.maxCode {
				continue
			}
			t.bits += (n - int(t.len[node])) * int(t.freq[node])
			t.len[node] = uint8(n)
			left--
		}
	}
}
