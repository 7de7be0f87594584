package delta

import (
	"encoding/binary"
	"fmt"
)

// A kind says where the bytes of a segment come from.
type kind byte

const (
	fresh   kind = iota // the new bytes
	same                // a base
	changed             // a base, and the differences are added byte by byte
	header              // a base: one tar header, of which fields are replaced
	small               // the program itself
	kinds
)

// A segment is a run of bytes of what is described; all segments in a row are the whole.
type segment struct {
	kind kind
	n    int64  // bytes
	at   int64  // address: an offset into all bases, one after the other
	mask uint32 // header: which fields are replaced
}

// The columns of a program, in this order; those of the fields follow.
const (
	colKinds = iota
	colLengths
	colAddresses
	colMasks
	colSmall
	colFields
	columns = colFields + len(fields)
)

// A writer makes a program: every kind of fact in a column of its own, since like
// stands best by like when it is compressed.
type writer struct {
	cols   [columns][]byte
	last   segment // not written yet
	any    bool    // last is set
	next   int64   // the address after the last one
	count  int
	length int64
	stats  Stats
}

// add appends s; its bytes, if it has any of its own, are in data.
func (w *writer) add(s segment, data []byte) {
	if s.n == 0 {
		return
	}
	w.length += s.n
	switch s.kind {
	case fresh, small:
		w.stats.New += s.n
	case same:
		w.stats.Copied += s.n
	default:
		w.stats.Changed += s.n
	}
	if s.kind == small {
		w.cols[colSmall] = append(w.cols[colSmall], data...)
	}
	l := &w.last
	if w.any && l.kind == s.kind && s.kind != header && (!s.refers() || l.at+l.n == s.at) {
		l.n += s.n
		return
	}
	w.flush()
	w.last, w.any = s, true
}

// addHeader appends the header b, by the one at address at, which is old.
func (w *writer) addHeader(at int64, old, b []byte) {
	mask := changedFields(old, b)
	w.add(segment{kind: header, n: headerBytes, at: at, mask: mask}, nil)
	for i, f := range fields {
		if mask&(1<<i) != 0 {
			w.cols[colFields+i] = appendField(w.cols[colFields+i], b[f.at:f.at+f.n])
		}
	}
}

func (s segment) refers() bool { return s.kind == same || s.kind == changed || s.kind == header }

func (w *writer) flush() {
	if !w.any {
		return
	}
	s := w.last
	w.any = false
	w.count++
	w.cols[colKinds] = append(w.cols[colKinds], byte(s.kind))
	if s.kind != header {
		w.cols[colLengths] = binary.AppendUvarint(w.cols[colLengths], uint64(s.n))
	} else {
		w.cols[colMasks] = binary.AppendUvarint(w.cols[colMasks], uint64(s.mask))
	}
	if s.refers() {
		w.cols[colAddresses] = binary.AppendVarint(w.cols[colAddresses], s.at-w.next)
		w.next = s.at + s.n
	}
}

// size returns how large the program is so far, unpacked.
func (w *writer) size() (n int) {
	for _, c := range w.cols {
		n += len(c)
	}
	return n
}

// bytes ends the program and returns it.
func (w *writer) bytes() ([]byte, error) {
	w.flush()
	var b []byte
	for _, c := range w.cols {
		b = binary.AppendUvarint(b, uint64(len(c)))
		b = append(b, c...)
	}
	if len(b) > maxProgramBytes || w.count > maxSegments {
		return nil, fmt.Errorf("%w: it has %d segments", ErrNotSmaller, w.count)
	}
	return b, nil
}

// A reader reads a program, from outside, segment by segment.
type reader struct {
	cols  [columns][]byte
	next  int64
	total int64 // of all bases
	err   error
}

// newReader returns a reader of b, which copies from total bytes of bases.
func newReader(b []byte, total int64) (*reader, error) {
	r := &reader{total: total}
	for i := range r.cols {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return nil, fmt.Errorf("%w: its columns are cut", ErrInvalid)
		}
		r.cols[i], b = b[used:used+int(n)], b[used+int(n):]
	}
	if len(b) > 0 || len(r.cols[colKinds]) > maxSegments {
		return nil, fmt.Errorf("%w: too many columns or segments", ErrInvalid)
	}
	return r, nil
}

// segment returns the next segment; false at the end, or if err is set.
func (r *reader) segment() (segment, bool) {
	if len(r.cols[colKinds]) == 0 || r.err != nil {
		return segment{}, false
	}
	s := segment{kind: kind(r.take(colKinds, 1)[0]), n: headerBytes}
	if s.kind >= kinds {
		r.fail()
	}
	if s.kind == header {
		s.mask = uint32(r.uvarint(colMasks, 1<<len(fields)-1))
	} else {
		s.n = r.uvarint(colLengths, 1<<50)
	}
	if s.refers() {
		s.at = r.next + r.varint(colAddresses)
		if s.at < 0 || s.n > r.total || s.at > r.total-s.n {
			r.fail()
		}
		r.next = s.at + s.n
	}
	return s, r.err == nil
}

// take takes n bytes off a column.
func (r *reader) take(col int, n int64) []byte {
	if n > int64(len(r.cols[col])) {
		r.fail()
		return make([]byte, min(n, headerBytes))
	}
	b := r.cols[col][:n]
	r.cols[col] = r.cols[col][n:]
	return b
}

func (r *reader) uvarint(col int, limit uint64) int64 {
	n, used := binary.Uvarint(r.cols[col])
	if used <= 0 || n > limit {
		r.fail()
		return 0
	}
	r.cols[col] = r.cols[col][used:]
	return int64(n)
}

func (r *reader) varint(col int) int64 {
	n, used := binary.Varint(r.cols[col])
	if used <= 0 || n > 1<<60 || n < -1<<60 {
		r.fail()
		return 0
	}
	r.cols[col] = r.cols[col][used:]
	return n
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w: its columns do not fit together", ErrInvalid)
	}
}
