package tokens

// Of a gzip member (RFC 1952, section 2.3).
const (
	flagCRC     = 1 << 1
	flagExtra   = 1 << 2
	flagName    = 1 << 3
	flagComment = 1 << 4
	flagUnknown = 0xe0

	trailerBytes   = 8
	maxHeaderBytes = 128 << 10
)

// header reads the header of a member, verbatim.
func (d *decoder) header() ([]byte, error) {
	var b []byte
	more := func(n int) {
		for ; n > 0; n-- {
			b = append(b, byte(d.in.take(8)))
		}
	}
	more(10)
	if b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 || b[3]&flagUnknown != 0 {
		return nil, d.in.fail("it does not begin like gzip")
	}
	if b[3]&flagExtra != 0 {
		more(2)
		more(int(b[10]) | int(b[11])<<8)
	}
	for _, flag := range []byte{flagName, flagComment} {
		if b[3]&flag == 0 {
			continue
		}
		for more(1); b[len(b)-1] != 0; more(1) {
			if len(b) > maxHeaderBytes-2 {
				return nil, d.in.fail("a header that is too long")
			}
		}
	}
	if b[3]&flagCRC != 0 {
		more(2)
	}
	d.begun = 0
	return b, d.in.failed()
}

// trailer reads what follows the last block of a member: the bits up to the next
// byte, and the trailer. Nobody looks whether its sums are right: whoever reads a
// blob here verifies its digest.
func (d *decoder) trailer() (pad byte, b [trailerBytes]byte, err error) {
	pad = d.in.align()
	for i := range b {
		b[i] = byte(d.in.take(8))
	}
	return pad, b, d.in.failed()
}
