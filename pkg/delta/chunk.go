package delta

import (
	"bufio"
	"io"
)

// Chunks of bytes that are no tar: where they are cut depends on the bytes alone,
// so that an insertion moves no cut but those around it.
const (
	minChunkBytes = 512
	maxChunkBytes = 16 << 10
	chunkMask     = 1<<11 - 1 // a cut about every 2 KiB after the least
)

// chunkCutter cuts by a rolling hash ("gear"). It is no part of the format.
type chunkCutter struct {
	r    *bufio.Reader
	gear [256]uint64
	left int
}

func newChunkCutter(r io.Reader) *chunkCutter {
	c := &chunkCutter{r: bufio.NewReaderSize(r, 4*maxChunkBytes)}
	x := uint64(1)
	for i := range c.gear { // splitmix64
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		c.gear[i] = z ^ z>>31
	}
	return c
}

func (c *chunkCutter) next() (unit, error) {
	if _, err := io.Copy(io.Discard, c); err != nil {
		return unit{}, err
	}
	b, err := c.r.Peek(maxChunkBytes)
	if len(b) == 0 {
		return unit{}, err
	}
	c.left = len(b)
	h := uint64(0)
	for i := min(len(b), minChunkBytes); i < len(b); i++ {
		h = h<<1 + c.gear[b[i]]
		if h>>40&chunkMask == 0 {
			c.left = i + 1
			break
		}
	}
	return unit{size: int64(c.left)}, nil
}

func (c *chunkCutter) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func (c *chunkCutter) fill() ([]byte, error) { return nil, nil }
