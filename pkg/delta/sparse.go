package delta

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// sparseBytes is how many differences a block has at most.
const sparseBytes = 1 << 20

// A sparseWriter writes differences, most of which are zeros, so that they compress
// well: in blocks of three columns, which are how many zeros come, how many others
// come then, and the others.
type sparseWriter struct {
	w                   io.Writer
	zeros, runs, values []byte
	zero, run           uint64 // of the pair that is counted
	n                   int    // differences in the block
}

// Write implements io.Writer.
func (s *sparseWriter) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		b := p[:min(len(p), sparseBytes-s.n)]
		p = p[len(b):]
		s.n += len(b)
		s.add(b)
		if s.n == sparseBytes {
			if err := s.Close(); err != nil {
				return 0, err
			}
		}
	}
	return all, nil
}

func (s *sparseWriter) add(b []byte) {
	for len(b) > 0 {
		if s.run == 0 {
			rest := bytes.TrimLeft(b, "\x00")
			s.zero += uint64(len(b) - len(rest))
			b = rest
		}
		n := bytes.IndexByte(b, 0)
		if n < 0 {
			n = len(b)
		}
		s.values = append(s.values, b[:n]...)
		s.run += uint64(n)
		if b = b[n:]; len(b) > 0 {
			s.pair()
		}
	}
}

func (s *sparseWriter) pair() {
	s.zeros = binary.AppendUvarint(s.zeros, s.zero)
	s.runs = binary.AppendUvarint(s.runs, s.run)
	s.zero, s.run = 0, 0
}

// Close writes what is left as the last block.
func (s *sparseWriter) Close() error {
	if s.n == 0 {
		return nil
	}
	s.pair()
	var head []byte
	columns := [3]*[]byte{&s.zeros, &s.runs, &s.values}
	for _, c := range columns {
		head = binary.BigEndian.AppendUint32(head, uint32(len(*c)))
	}
	_, err := s.w.Write(head)
	for _, c := range columns {
		if err == nil {
			_, err = s.w.Write(*c)
		}
		*c = (*c)[:0]
	}
	s.n = 0
	return err
}

// A sparseReader reads what a sparseWriter wrote, from outside.
type sparseReader struct {
	in                  *bufio.Reader
	block               []byte
	zeros, runs, values []byte // what is left of the block
	zero, run           int    // what is left of a pair
}

func newSparseReader(r io.Reader) *sparseReader { return &sparseReader{in: bufio.NewReader(r)} }

// Read implements io.Reader. The error is io.EOF only between two blocks.
func (s *sparseReader) Read(p []byte) (int, error) {
	for s.zero+s.run == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	if n := min(s.zero, len(p)); n > 0 {
		clear(p[:n])
		s.zero -= n
		return n, nil
	}
	n := copy(p[:min(s.run, len(p))], s.values)
	s.run, s.values = s.run-n, s.values[n:]
	return n, nil
}

// next goes on to the next pair.
func (s *sparseReader) next() error {
	if len(s.zeros) == 0 {
		return s.load()
	}
	zero, n := binary.Uvarint(s.zeros)
	run, m := binary.Uvarint(s.runs)
	if n <= 0 || m <= 0 || zero > sparseBytes || run > uint64(len(s.values)) || zero+run == 0 {
		return errSparse // pairs of nothing compress to nothing, and would be read for ever
	}
	s.zeros, s.runs = s.zeros[n:], s.runs[m:]
	s.zero, s.run = int(zero), int(run)
	return nil
}

// load reads a block.
func (s *sparseReader) load() error {
	if len(s.runs)+len(s.values) > 0 {
		return errSparse
	}
	var head [12]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return err
	}
	var lengths [3]int
	all := 0
	for i := range lengths {
		n := binary.BigEndian.Uint32(head[4*i:])
		if n > sparseBytes || n == 0 && i < 2 {
			return errSparse
		}
		lengths[i] = int(n)
		all += int(n)
	}
	if cap(s.block) < all {
		s.block = make([]byte, all)
	}
	b := s.block[:all]
	if _, err := io.ReadFull(s.in, b); errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	s.zeros, b = b[:lengths[0]], b[lengths[0]:]
	s.runs, s.values = b[:lengths[1]], b[lengths[1]:]
	return nil
}

var errSparse = fmt.Errorf("%w: its differences do not fit together", ErrInvalid)
