package tario

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// A PieceKind says what a piece of a tar is.
type PieceKind byte

// The kinds of pieces.
const (
	Header  PieceKind = iota // one block that describes a member
	Extra                    // what stands behind the header of an extended one (PAX, GNU long names), filled up
	Content                  // of a member, not filled up
	Fill                     // zeros or not, up to the next block
	Other                    // blocks that are no header: the zeros at the end, and what follows them
)

// A Piece is a run of bytes of a tar that stands for one thing.
type Piece struct {
	Kind   PieceKind
	Offset int64
	Size   int64  // in bytes; a stream that was cut may hold less of its last piece
	Name   string // of the member, as it stands there: a key, no path to be opened
	More   bool   // Header: it only extends the next one
}

// Bounds of one piece.
const (
	maxExtraBytes = 1 << 20 // of long names and PAX records that are looked at
	maxPieceBytes = 1 << 48 // what a header may claim, so that sums do not overflow
	otherBytes    = 64 << 10
)

// A Scanner cuts a stream into the pieces of a tar. It takes any stream: every
// byte belongs to exactly one piece, and what is no tar is cut into Other. It
// judges nothing, and it is fixed: the same stream is cut the same for ever.
type Scanner struct {
	r      *bufio.Reader
	at     int64 // of the next byte
	left   int64 // of the current piece
	next   []Piece
	name   string // from an extended header; "" if there was none
	size   int64  // likewise; -1
	extend bool   // the current piece is Extra that is looked at
	kind   byte   // of the header before Extra
	extra  bytes.Buffer
}

// NewScanner returns a Scanner of r. It reads ahead.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: bufio.NewReaderSize(r, 4*otherBytes), size: -1}
}

// Next skips what was not read of the last piece and returns the next one. It
// returns io.EOF at the end of the stream.
func (s *Scanner) Next() (Piece, error) {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return Piece{}, err
	}
	s.endExtra()
	if len(s.next) == 0 {
		if err := s.look(); err != nil {
			return Piece{}, err
		}
	} else if _, err := s.r.Peek(1); err != nil {
		return Piece{}, err // the stream was cut
	}
	p := s.next[0]
	s.next = s.next[1:]
	p.Offset, s.left = s.at, p.Size
	s.extend = p.Kind == Extra && p.Size <= maxExtraBytes
	return p, nil
}

// Read reads the current piece.
func (s *Scanner) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	if s.extend {
		s.extra.Write(p[:n])
	}
	s.at += int64(n)
	s.left -= int64(n)
	return n, err
}

// look finds out what stands next.
func (s *Scanner) look() error {
	block, err := s.r.Peek(BlockBytes)
	if len(block) == 0 {
		return err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	h, ok := parseBlock(block)
	if !ok {
		return s.lookOther()
	}
	switch h.kind {
	case 'x', 'g', 'L', 'K':
		s.kind = h.kind
		s.next = append(s.next, Piece{Kind: Header, Size: BlockBytes, More: true})
		if h.size > 0 {
			s.next = append(s.next, Piece{Kind: Extra, Size: h.size + Padding(h.size)})
		}
		return nil
	}
	name, size := h.name, h.size
	if s.name != "" {
		name = s.name
	}
	if s.size >= 0 {
		size = s.size
	}
	if h.kind >= '1' && h.kind <= '6' {
		size = 0 // whatever it says, no content follows
	}
	s.name, s.size = "", -1
	s.next = append(s.next, Piece{Kind: Header, Size: BlockBytes, Name: name})
	if size > 0 {
		s.next = append(s.next, Piece{Kind: Content, Size: size, Name: name})
	}
	if pad := Padding(size); pad > 0 {
		s.next = append(s.next, Piece{Kind: Fill, Size: pad})
	}
	return nil
}

// lookOther takes blocks up to one that is a header.
func (s *Scanner) lookOther() error {
	all, err := s.r.Peek(otherBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := BlockBytes
	for ; n+BlockBytes <= len(all); n += BlockBytes {
		if _, ok := parseBlock(all[n : n+BlockBytes]); ok {
			break
		}
	}
	if n+BlockBytes > len(all) {
		n = len(all)
	}
	s.next = append(s.next, Piece{Kind: Other, Size: int64(n)})
	return nil
}

// endExtra takes name and size out of the Extra that was read.
func (s *Scanner) endExtra() {
	if !s.extend {
		return
	}
	s.extend = false
	switch s.kind {
	case 'L':
		s.name = cString(s.extra.Bytes())
	case 'x':
		for rest := s.extra.Bytes(); ; {
			key, value, after, ok := paxRecord(rest)
			if !ok {
				break
			}
			switch key {
			case "path":
				s.name = value
			case "size":
				if n, ok := decimal(value); ok {
					s.size = n
				}
			}
			rest = after
		}
	}
	s.extra.Reset()
}
