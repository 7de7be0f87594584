package tario

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// A block is what a [Scanner] wants to know of a header.
type block struct {
	name string
	size int64
	kind byte
}

// Where fields stand in a header (POSIX.1-1988, ustar).
const (
	sizeAt, sizeEnd = 124, 136
	sumAt, sumEnd   = 148, 156
	kindAt          = 156
	magicAt         = 257
	prefixAt        = 345
	prefixEnd       = 500
)

// parseBlock reports whether b is a header: its checksum is right.
func parseBlock(b []byte) (block, bool) {
	if len(b) < BlockBytes {
		return block{}, false
	}
	want, ok := number(b[sumAt:sumEnd])
	if !ok || want != Checksum(b) {
		return block{}, false
	}
	size, ok := number(b[sizeAt:sizeEnd])
	if !ok || size > maxPieceBytes {
		return block{}, false
	}
	h := block{name: cString(b[:100]), size: size, kind: b[kindAt]}
	if prefix := cString(b[prefixAt:prefixEnd]); prefix != "" && bytes.HasPrefix(b[magicAt:], []byte("ustar\x00")) {
		h.name = prefix + "/" + h.name
	}
	return h, true
}

// Checksum returns the sum that belongs into the header b: of its 512 bytes, with
// blanks for the field of the sum itself.
func Checksum(b []byte) int64 {
	sum := int64(sumEnd-sumAt) * ' '
	for i, c := range b[:BlockBytes] {
		if i < sumAt || i >= sumEnd {
			sum += int64(c)
		}
	}
	return sum
}

// number reads a field: octal digits, or a big-endian number whose first bit is set.
func number(f []byte) (int64, bool) {
	if f[0] == 0x80 {
		digits := bytes.TrimLeft(f[1:], "\x00")
		if len(digits) > 7 {
			return 0, false
		}
		var b [8]byte
		copy(b[8-len(digits):], digits)
		return int64(binary.BigEndian.Uint64(b[:])), true
	}
	s := string(bytes.Trim(f, " \x00"))
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 8, 62)
	return int64(n), err == nil
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// paxRecord takes the first record off b: "LENGTH KEY=VALUE\n".
func paxRecord(b []byte) (key, value string, rest []byte, ok bool) {
	digits, _, ok := bytes.Cut(b, []byte{' '})
	n, good := decimal(string(digits))
	if !ok || !good || n > int64(len(b)) || n <= int64(len(digits))+1 || b[n-1] != '\n' {
		return "", "", nil, false
	}
	k, v, ok := bytes.Cut(b[len(digits)+1:n-1], []byte{'='})
	return string(k), string(v), b[n:], ok
}

func decimal(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 62)
	return int64(n), err == nil && n <= maxPieceBytes
}
