package encoder_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
)

// content makes size bytes as they lie in layers: text, code-like bytes, random
// bytes, zeros, and copies of what was there before.
func content(seed uint64, size int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 7))
	words := make([][]byte, 400)
	for i := range words {
		words[i] = make([]byte, 2+rnd.IntN(9))
		for k := range words[i] {
			words[i][k] = byte('a' + rnd.IntN(26)*rnd.IntN(26)/26)
		}
	}
	var b bytes.Buffer
	for b.Len() < size {
		n := 1 + rnd.IntN(1<<(4+rnd.IntN(14)))
		switch kind := rnd.IntN(10); {
		case kind < 5:
			for end := b.Len() + n; b.Len() < end; {
				b.Write(words[rnd.IntN(1+rnd.IntN(len(words)))])
				b.WriteByte(' ')
			}
		case kind == 5:
			for range n / 4 {
				fmt.Fprintf(&b, "%08x", rnd.Uint32N(1<<(8+rnd.IntN(24))))
			}
		case kind == 6:
			for range n / 2 {
				b.WriteByte(byte(rnd.Uint32()))
			}
		case kind == 7:
			b.Write(bytes.Repeat([]byte{0}, n))
		default:
			if from := b.Len() - 1 - rnd.IntN(b.Len()+1); from >= 0 {
				b.Write(bytes.Clone(b.Bytes()[from:min(b.Len(), from+n)]))
			}
		}
	}
	return b.Bytes()[:size]
}

// skipper leaves out the first bytes.
type skipper struct {
	w    io.Writer
	skip int
}

func (s *skipper) Write(p []byte) (int, error) {
	n := min(s.skip, len(p))
	s.skip -= n
	_, err := s.w.Write(p[n:])
	return len(p), err
}
