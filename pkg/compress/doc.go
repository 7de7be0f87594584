// Package compress recognises, reads and writes the compressions of layers and
// archives: none, gzip and zstd. What is read is bounded, since it comes from
// outside; what is written depends on the input alone, since its digest is a name.
package compress

import "bytes"

// A Kind is a compression.
type Kind string

// The compressions there are.
const (
	None Kind = ""
	Gzip Kind = "gzip"
	Zstd Kind = "zstd"
)

// SniffBytes is how much of a stream [Sniff] wants to see.
const SniffBytes = 4

// Sniff returns the compression of a stream that begins with head. What is
// neither gzip (RFC 1952) nor zstd (RFC 8878), frames to skip included, is None.
func Sniff(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return Zstd
	case len(head) >= SniffBytes && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}):
		return Zstd
	}
	return None
}
