package tokens

// Kinds of blocks, as deflate numbers them.
const (
	stored = iota
	fixed
	dynamic
)

// A block is what deflate says of one, besides its tokens.
type block struct {
	final bool
	kind  byte
	pad   byte // the bits before the length of a stored one
	size  int  // of a stored one
	head  header
}

// A header is that of a dynamic block (RFC 1951, section 3.2.7), with all that
// encoders are free in.
type header struct {
	lit, dist int                        // how many lengths there are of each
	lengths   [litCodes + distCodes]byte // in a row
	ops       []op                       // how they are written
	opCodes   int                        // how many lengths there are of those
	opLengths [opSymbols]byte
}

func (h *header) litLengths() []byte  { return h.lengths[:h.lit] }
func (h *header) distLengths() []byte { return h.lengths[h.lit : h.lit+h.dist] }

const opSymbols = 19

// An op is a symbol of the code for lengths, and its extra bits above 8.
type op uint16

func newOp(symbol, extra int) op { return op(symbol | extra<<8) }
func (o op) symbol() int         { return int(o & 0xff) }
func (o op) extra() uint32       { return uint32(o >> 8) }

// opExtra returns how many extra bits an op has.
func opExtra(symbol int) uint {
	switch symbol {
	case 16:
		return 2
	case 17:
		return 3
	case 18:
		return 7
	}
	return 0
}

// run returns how many lengths o stands for.
func (o op) run() int {
	switch o.symbol() {
	case 16, 17:
		return 3 + int(o.extra())
	case 18:
		return 11 + int(o.extra())
	}
	return 1
}

// opOrder is the order in which the lengths of codes for ops are written.
var opOrder = [opSymbols]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// expand sets lengths by ops; false if they are none of that many.
func (h *header) expand() bool {
	at, total := 0, h.lit+h.dist
	for _, o := range h.ops {
		n, value := o.run(), byte(0)
		switch {
		case o.symbol() < 16:
			value = byte(o.symbol())
		case o.symbol() == 16 && at == 0:
			return false
		case o.symbol() == 16:
			value = h.lengths[at-1]
		}
		if n > total-at {
			return false
		}
		for range n {
			h.lengths[at] = value
			at++
		}
	}
	return at == total
}

// readHeader reads the header of a dynamic block.
func (h *header) read(in *bitReader, t *decodeTable) error {
	h.lit, h.dist, h.opCodes = int(in.take(5))+257, int(in.take(5))+1, int(in.take(4))+4
	if h.lit > litCodes || h.dist > distCodes {
		return in.fail("a block of too many codes")
	}
	clear(h.opLengths[:])
	for _, symbol := range opOrder[:h.opCodes] {
		h.opLengths[symbol] = byte(in.take(3))
	}
	if !t.set(h.opLengths[:]) {
		return in.fail("a block whose lengths have no code")
	}
	h.ops = h.ops[:0]
	for n := 0; n < h.lit+h.dist; {
		in.fill()
		e := t.entries[in.acc&t.mask]
		if e == 0 || uint(e&15) > in.n {
			return in.fail("a block whose lengths are cut")
		}
		in.drop(uint(e & 15))
		symbol := int(e >> 4)
		o := newOp(symbol, int(in.take(opExtra(symbol))))
		h.ops = append(h.ops, o)
		n += o.run()
	}
	if err := in.failed(); err != nil {
		return err
	}
	if !h.expand() {
		return in.fail("a block of wrong lengths")
	}
	return nil
}
