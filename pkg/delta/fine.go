package delta

import (
	"encoding/binary"
	"math/bits"
)

// Sizes of what is held while an old and a new version of a file are compared.
const (
	newWindow = 4 << 20
	oldWindow = 8 << 20
	maxSlots  = 1 << 20
	seedBytes = 12 // that are equal where a match begins
)

// A differ finds in a new text runs that are nearly those of an old one, as bsdiff
// does, but by hashes of seeds instead of a sorted list of suffixes.
type differ struct {
	old, new []byte
	slots    []int32 // by hash: 1 + a position in old; 0 is none
	shift    int
	step     int
}

// index makes slots for old.
func (d *differ) index() {
	d.step = 1 + len(d.old)/maxSlots
	size := 1 << bits.Len(uint(len(d.old)/d.step))
	size = min(max(size, 1<<8), maxSlots)
	if d.slots == nil {
		d.slots = make([]int32, maxSlots)
	}
	d.slots = d.slots[:size]
	clear(d.slots)
	d.shift = 64 - bits.TrailingZeros(uint(size))
	// Backwards, so that the first of several equal ones is found.
	for i := (len(d.old) - seedBytes) / d.step * d.step; i >= 0; i -= d.step {
		d.slots[d.slot(d.old[i:])] = int32(i + 1)
	}
}

func (d *differ) slot(b []byte) uint64 {
	x := binary.LittleEndian.Uint64(b)*0x9e3779b97f4a7c15 ^ uint64(binary.LittleEndian.Uint32(b[8:]))*0xc2b2ae3d27d4eb4f
	return x * 0x165667b19e3779f9 >> d.shift
}

// match calls emit for runs of new, in order and without gaps: n bytes that are
// nearly those at old, or that are new if old is negative.
func (d *differ) match(emit func(n, old int) error) error {
	done, diagonal := 0, 0
	for i := 0; i+seedBytes <= len(d.new); {
		at, ok := d.seed(i, diagonal)
		if !ok {
			i++
			continue
		}
		back := d.back(i, at, i-done)
		n := back + d.forward(i, at)
		if n < 2*seedBytes {
			i++
			continue
		}
		start := i - back
		if err := emitBoth(emit, start-done, n, at-back); err != nil {
			return err
		}
		done = start + n
		i, diagonal = done, at-(start+back)
	}
	if done == len(d.new) {
		return nil
	}
	return emit(len(d.new)-done, -1)
}

func emitBoth(emit func(n, old int) error, fresh, n, old int) error {
	if fresh > 0 {
		if err := emit(fresh, -1); err != nil {
			return err
		}
	}
	return emit(n, old)
}

// seed returns where in old the bytes at i stand, best where the last run would go on.
func (d *differ) seed(i, diagonal int) (int, bool) {
	b := d.new[i : i+seedBytes]
	if at := i + diagonal; at >= 0 && at+seedBytes <= len(d.old) && string(d.old[at:at+seedBytes]) == string(b) {
		return at, true
	}
	if len(d.old) < seedBytes {
		return 0, false
	}
	at := int(d.slots[d.slot(b)]) - 1
	return at, at >= 0 && string(d.old[at:at+seedBytes]) == string(b)
}

// slack is by how many bytes the unequal ones may outnumber the equal ones since
// the best place to end, before a run is held to have ended there.
const slack = 6

// forward returns how far the run at i goes on.
func (d *differ) forward(i, at int) int {
	n := min(len(d.new)-i, len(d.old)-at)
	score, best, length := 0, 0, 0
	for k := 0; k < n && score > best-slack; k++ {
		if d.new[i+k] != d.old[at+k] {
			score--
			continue
		}
		if score++; score > best {
			best, length = score, k+1
		}
	}
	return length
}

// back returns how far before i the run begins, at most limit.
func (d *differ) back(i, at, limit int) int {
	n := min(limit, at)
	score, best, length := 0, 0, 0
	for k := 1; k <= n && score > best-slack; k++ {
		if d.new[i-k] != d.old[at-k] {
			score--
			continue
		}
		if score++; score > best {
			best, length = score, k
		}
	}
	return length
}
