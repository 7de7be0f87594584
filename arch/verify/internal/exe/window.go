package exe

import (
	"errors"
	"io"
	"slices"
)

// What is kept of one file at most. Real program headers, interpreters and notes
// take some KiB; the names of libraries stand in the first MiB of all but the largest
// libraries; what Go writes down of a program with 500 modules takes 100 KiB.
const (
	sniffBytes   = 4 << 10
	headBytes    = 4 << 20
	chunkBytes   = 64 << 10
	maxSpanBytes = 1 << 20
	maxSpans     = 16
)

// A span is a part of a file that is wanted though it may lie beyond the head.
type span struct {
	off, n int64
	data   []byte // of what was seen so far, from off on
}

// A window is what is kept of a file: its head, and the spans that were asked for.
type window struct {
	head  []byte
	size  int64 // of the file
	spans []span
	scan  []span // where the mark of Go may stand; data is not used
	found bool   // the mark was found, and a span asked for it
}

// want asks for n bytes at off. What is beyond the bounds is not kept, and then
// not found by at.
func (w *window) want(off, n int64) {
	if off < 0 || n <= 0 || off >= w.size || len(w.spans) >= maxSpans || n > maxSpanBytes {
		return
	}
	n = min(n, w.size-off)
	if off+n <= int64(len(w.head)) {
		return
	}
	s := span{off: off, n: n}
	if off < int64(len(w.head)) {
		s.data = slices.Clone(w.head[off:])
	}
	w.spans = append(w.spans, s)
}

// look asks for the mark of Go to be searched in n bytes at off.
func (w *window) look(off, n int64) {
	if off < 0 || n <= 0 || off >= w.size || len(w.scan) >= maxSpans {
		return
	}
	w.scan = append(w.scan, span{off: off, n: min(n, w.size-off)})
}

// end is up to where the file has to be read.
func (w *window) end() int64 {
	end := int64(len(w.head))
	for _, s := range w.spans {
		end = max(end, s.off+s.n)
	}
	if !w.found {
		for _, s := range w.scan {
			end = max(end, s.off+s.n)
		}
	}
	return end
}

// fill reads the rest of the file from r as far as anything in it is wanted.
func (w *window) fill(r io.Reader, chunk []byte) error {
	w.scanFor(0, w.head)
	for pos := int64(len(w.head)); pos < w.end(); {
		p := chunk[:min(int64(len(chunk)), w.end()-pos)]
		n, err := io.ReadFull(r, p)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		w.scanFor(pos, p)
		w.keep(pos, p)
		pos += int64(n)
	}
	return nil
}

// keep adds p, which stands at pos, to the spans that go on there.
func (w *window) keep(pos int64, p []byte) {
	for i := range w.spans {
		s := &w.spans[i]
		next := s.off + int64(len(s.data))
		if next < pos || next >= pos+int64(len(p)) || int64(len(s.data)) == s.n {
			continue
		}
		part := p[next-pos:]
		s.data = append(s.data, part[:min(int64(len(part)), s.n-int64(len(s.data)))]...)
	}
}

// scanFor looks for the mark of Go in p, which stands at pos, a multiple of goAlign.
func (w *window) scanFor(pos int64, p []byte) {
	if w.found {
		return
	}
	for _, s := range w.scan {
		from := max(s.off, pos)
		from += -from & (goAlign - 1)
		for at := from; at+goHeaderBytes <= min(s.off+s.n, pos+int64(len(p))); at += goAlign {
			if isGoMark(p[at-pos:]) {
				w.found = true
				w.want(at, min(maxSpanBytes, w.size-at))
				w.scan = []span{{off: at, n: min(maxSpanBytes, w.size-at)}}
				return
			}
		}
	}
}

// at returns n bytes at off if they were kept.
func (w *window) at(off, n int64) ([]byte, bool) {
	if off < 0 || n < 0 || n > w.size || off > w.size-n {
		return nil, false
	}
	if off+n <= int64(len(w.head)) {
		return w.head[off : off+n], true
	}
	for _, s := range w.spans {
		if off >= s.off && off+n <= s.off+int64(len(s.data)) {
			return s.data[off-s.off : off-s.off+n], true
		}
	}
	return nil, false
}

// text returns the string at off that ends with a zero byte, of at most max bytes.
func (w *window) text(off, max int64) (string, bool) {
	for n := min(max, w.size-off); n > 0; n /= 2 { // what was kept may end before max does
		p, ok := w.at(off, n)
		if !ok {
			continue
		}
		if end := slices.Index(p, 0); end >= 0 {
			return string(p[:end]), true
		}
		return "", false
	}
	return "", false
}
