package delta

import "encoding/binary"

// dropUnused takes the bases that nothing is copied from out of the head, and
// what they take up of the addresses out of the program, so that nobody has to hold them.
func (m *maker) dropUnused(w *writer) error {
	w.flush()
	used, err := m.used(w)
	if err != nil {
		return err
	}
	bases, shift := m.head.Bases, make([]int64, len(used)) // by how much addresses go down
	m.head.Bases = nil
	gone := int64(0)
	for i, b := range bases {
		if shift[i] = gone; used[i] {
			m.head.Bases = append(m.head.Bases, b)
		} else {
			gone += b.Length
		}
	}
	if gone == 0 {
		return nil
	}
	r := reader{cols: w.cols, total: m.head.total() + gone}
	var col []byte
	next := int64(0)
	for s, ok := r.segment(); ok; s, ok = r.segment() {
		if s.refers() {
			at := s.at - shift[baseAt(bases, s.at)]
			col = binary.AppendVarint(col, at-next)
			next = at + s.n
		}
	}
	w.cols[colAddresses] = col
	return r.err
}

// used says which bases the program copies from.
func (m *maker) used(w *writer) ([]bool, error) {
	used := make([]bool, len(m.head.Bases))
	r := reader{cols: w.cols, total: m.head.total()}
	for s, ok := r.segment(); ok; s, ok = r.segment() {
		if s.refers() {
			used[baseAt(m.head.Bases, s.at)] = true
			used[baseAt(m.head.Bases, s.at+s.n-1)] = true
		}
	}
	return used, r.err
}

// baseAt returns which base has an address.
func baseAt(bases []Base, at int64) int {
	for i, b := range bases {
		if at < b.Length {
			return i
		}
		at -= b.Length
	}
	return len(bases) - 1
}
