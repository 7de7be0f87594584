package tokens

// Bounds on a search in a history.
const (
	maxRanks = 64  // places that are told by their rank
	maxSteps = 256 // places that are looked at
)

// A history finds where in the last 32 KiB of a text some bytes stand. A distance is
// told by how many nearer places would have done as well, which is mostly none.
type history struct {
	ring   [2 * maxDist]byte
	places [1 << 15]uint32 // by hash of three bytes: 1 + the last place where they begin
	before [maxDist]uint32 // the one before that
	n      uint32          // bytes, modulo 2^32
	last   uint32          // the last three of them
}

// add goes on with b.
func (h *history) add(b []byte) {
	n, last := h.n, h.last
	for _, c := range b {
		h.ring[n%(2*maxDist)] = c
		last = last<<8&0xffffff | uint32(c)
		n++
		slot := hash(last)
		h.before[(n-minMatch)%maxDist] = h.places[slot]
		h.places[slot] = n - minMatch + 1
	}
	h.n, h.last = n, last
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
			was = h.ring[(start-dist+k)%(2*maxDist)]
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
