package zdeflate

// codes are the tables of RFC 1951, section 3.2.5 and 3.2.6.
type codes struct {
	length      [256]uint8 // code of a length less minMatch
	lengthBase  [29]uint8
	lengthExtra []uint8
	near        [256]uint8 // code of a distance less 1
	far         [256]uint8 // the same of the distance by 128
	distBase    [distCodes]uint16
	distExtra   []uint8
	fixed       [litCodes + 2]code
	fixedDist   [distCodes]code
}

func newCodes() codes {
	c := codes{
		lengthExtra: []uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0},
		distExtra:   []uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13},
	}
	at := 0
	for i, extra := range c.lengthExtra[:28] {
		c.lengthBase[i] = uint8(at)
		for range 1 << extra {
			c.length[min(at, 255)] = uint8(i)
			at++
		}
	}
	c.length[255], c.lengthBase[28] = 28, 255
	at = 0
	for i, extra := range c.distExtra {
		c.distBase[i] = uint16(at)
		for range 1 << extra {
			if at < 256 {
				c.near[at] = uint8(i)
			}
			c.far[at>>7] = uint8(i)
			at++
		}
	}
	var lens [litCodes + 2]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	assign(c.fixed[:], lens[:])
	for i := range c.fixedDist {
		c.fixedDist[i] = code{bits: reverse(uint16(i), 5), len: 5}
	}
	return c
}

func (c *codes) dist(d int) uint8 {
	if d <= 256 {
		return c.near[d-1]
	}
	return c.far[(d-1)>>7]
}
