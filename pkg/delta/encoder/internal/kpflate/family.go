package kpflate

// A Family is a range of versions that make the same bytes.
type Family uint8

// The families there are.
const (
	V15  Family = iota // klauspost/compress 1.15.12 to 1.17.11; at levels 7 to 9 from 1.15.15 on
	V180               // 1.18.0: as V15 but at level 4
	V18                // 1.18.5 to 1.19.2
	V20                // 1.20.0 on: as V18 but after a dictionary at levels 7 to 9
	Go27               // Go's own from 1.27 on: as V18 but at level 9
)

// wholeTables: until a flush, tables name all symbols, and no end of block is counted.
func (f Family) wholeTables() bool { return f <= V180 }

// costsWindow: literals are priced by all that waits, not by the first 32 KiB of it.
func (f Family) costsWindow() bool { return f <= V180 }

// extendsLong: level 4 compares a second candidate where it lies; the others,
// by a slip, compare what lies at the distance.
func (f Family) extendsLong() bool { return f == V15 }

// dropsDict: a dictionary is no part of the first block. Go27 is not used with one.
func (f Family) dropsDict() bool { return f == V20 }

// leastLiteralBits is what a literal is priced at that was not seen.
func (f Family) leastLiteralBits() uint8 {
	if f == Go27 {
		return 1
	}
	return 0
}
