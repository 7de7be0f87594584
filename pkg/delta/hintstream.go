package delta

import (
	"io"

	"github.com/dray-oci/dray/pkg/delta/tokens"
)

// A hintWriter keeps the hints of one base, of those parts that are taken.
type hintWriter struct {
	*hintSpool
	at    int64 // address of buf
	part  []byte
	moves []move // that are still to come
	reach int64  // where the last of the others ends
}

// of returns what keeps the hints for a base at start, of which moves take, by address.
func (h *hintSpool) of(start int64, moves []move) *hintWriter {
	return &hintWriter{hintSpool: h, at: start, moves: moves, part: make([]byte, 0, hintBytes)}
}

// Write takes the next hints.
func (w *hintWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), hintBytes-len(w.part))
		w.part, p = append(w.part, p[:k]...), p[k:]
		if len(w.part) == hintBytes {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush keeps what was taken, if any of it is of use.
func (w *hintWriter) flush() error {
	at, end := w.at, w.at+int64(len(w.part))
	for len(w.moves) > 0 && w.moves[0].at < end {
		w.reach = max(w.reach, w.moves[0].at+w.moves[0].n)
		w.moves = w.moves[1:]
	}
	part := w.part
	w.at, w.part = end, w.part[:0]
	if w.reach <= at || len(part) == 0 {
		return nil
	}
	return w.store(at, part)
}

// hinting reads what a blob unpacks to, and hands on its hints.
type hinting struct {
	r   *tokens.Reader
	w   *hintWriter
	buf []byte
}

func (h *hinting) Read(p []byte) (int, error) {
	if len(h.buf) < len(p) {
		h.buf = make([]byte, len(p))
	}
	n, err := h.r.Read(p, h.buf)
	if _, werr := h.w.Write(h.buf[:n]); werr != nil {
		return n, werr
	}
	if err == io.EOF {
		if werr := h.w.flush(); werr != nil {
			return n, werr
		}
	}
	return n, err
}

// A hintReader reads the hints for what a program makes, in its order.
type hintReader struct {
	h *hintSpool
	r *reader
	s segment // what is left of it
}

func (h *hintSpool) reader(program []byte, total int64) (*hintReader, error) {
	r, err := newReader(program, total)
	return &hintReader{h: h, r: r}, err
}

func (h *hintReader) Read(p []byte) (int, error) {
	for h.s.n == 0 {
		var ok bool
		if h.s, ok = h.r.segment(); !ok {
			if h.r.err != nil {
				return 0, h.r.err
			}
			return 0, io.EOF
		}
	}
	n, err := int(min(int64(len(p)), h.s.n)), error(nil)
	if h.s.refers() {
		n, err = h.h.read(p[:n], h.s.at)
	} else {
		noHints(p[:n])
	}
	h.s.n -= int64(n)
	h.s.at += int64(n)
	return n, err
}
