package tokens

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Bounds on a search in a history.
const (
	maxRanks = 64  // places that are told by their rank
	maxSteps = 256 // places that are looked at
)

const ringBytes = 2 * maxDist

// A history finds where in the last 32 KiB of a text some bytes stand. A distance is
// told by how many nearer places would have done as well, which is mostly none.
type history struct {
	ring   [ringBytes]byte
	places [1 << 15]uint32 // by hash of three bytes: 1 + the last place where they begin
	before [maxDist]uint32 // the one before that
	n      uint32          // bytes, modulo 2^32
	last   uint32          // the last three of them

	crc    uint32 // of this member, as far as summed
	summed uint32
	begun  uint32 // where this member begins
}

// add goes on with b, at most 32 KiB.
func (h *history) add(b []byte) {
	n, last := h.n, h.last
	for _, c := range b {
		h.ring[n%ringBytes] = c
		last = last<<8&0xffffff | uint32(c)
		n++
		slot := hash(last)
		h.before[(n-minMatch)%maxDist] = h.places[slot]
		h.places[slot] = n - minMatch + 1
	}
	h.n, h.last = n, last
	if n-h.summed >= maxDist {
		h.sum()
	}
}

// addAll is add for any number of bytes.
func (h *history) addAll(b []byte) {
	for part := range slices.Chunk(b, maxDist/2) {
		h.add(part)
	}
}

// sum sums up what was added since the last time, which the ring still holds.
func (h *history) sum() {
	from, to := h.summed%ringBytes, h.n%ringBytes
	if from > to {
		h.crc = crc32.Update(h.crc, crc32.IEEETable, h.ring[from:])
		from = 0
	}
	h.crc = crc32.Update(h.crc, crc32.IEEETable, h.ring[from:to])
	h.summed = h.n
}

// trailer ends a member, and returns the trailer that it should have.
func (h *history) trailer() (b [trailerBytes]byte) {
	h.sum()
	binary.LittleEndian.PutUint32(b[:], h.crc)
	binary.LittleEndian.PutUint32(b[4:], h.n-h.begun)
	h.crc, h.begun = 0, h.n
	return b
}

func hash(three uint32) uint32 { return three * 0x9e3779b1 >> 17 }

// each calls found with the distances, from the nearest on, at which the bytes of b
// stand that are to follow, until it returns true.
func (h *history) each(b []byte, found func(dist int) bool) {
	start := h.n
	h.add(b[:minMatch]) // so that places are known that reach into b
	defer func() { h.add(b[minMatch:]) }()
	at := h.before[start%maxDist]
	for range maxSteps {
		dist := start - (at - 1)
		if at == 0 || dist-1 >= maxDist {
			return
		}
		if h.equal(b, start, dist) && found(int(dist)) {
			return
		}
		at = h.before[(at-1)%maxDist]
	}
}

// equal reports whether b, which begins at start, stands dist before, too.
func (h *history) equal(b []byte, start, dist uint32) bool {
	for i, c := range b {
		was := byte(0)
		if k := uint32(i); k < dist {
			was = h.ring[(start-dist+k)%ringBytes]
		} else {
			was = b[k-dist]
		}
		if was != c {
			return false
		}
	}
	return true
}

// rank adds b, and tells the distance at which it stands: its rank, or, beyond
// maxRanks, the distance less 1.
func (h *history) rank(b []byte, dist int) uint64 {
	told, rank := uint64(maxRanks+dist-1), 0
	h.each(b, func(d int) bool {
		if d == dist {
			told = uint64(rank)
		}
		rank++
		return d >= dist || rank == maxRanks
	})
	return told
}

// dist adds b, and returns the distance that was told; 0 if there is none.
func (h *history) dist(b []byte, told uint64) int {
	dist, rank := 0, uint64(0)
	h.each(b, func(d int) bool {
		if rank == told {
			dist = d
		}
		rank++
		return dist > 0 || told >= maxRanks
	})
	if told >= maxRanks {
		return int(told) - maxRanks + 1
	}
	return dist
}
