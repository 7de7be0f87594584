package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/dray-oci/dray/pkg/tario"
)

const headerBytes = tario.BlockBytes

// A field is a part of a tar header.
type field struct{ at, n int }

// fields cut a header (POSIX ustar) in parts that change together. Their order is
// part of the format.
var fields = [...]field{
	{0, 100},   // name
	{100, 8},   // mode
	{108, 8},   // user
	{116, 8},   // group
	{124, 12},  // size
	{136, 12},  // time
	{148, 8},   // checksum
	{156, 1},   // kind
	{157, 100}, // link
	{257, 8},   // magic
	{265, 32},  // user's name
	{297, 32},  // group's name
	{329, 8},   // device
	{337, 8},
	{345, 155}, // prefix
	{500, 12},
}

// sumField is the checksum: computed, unless its bit is set.
const sumField = 6

// changedFields returns the mask of what has to be replaced in old to get b.
func changedFields(old, b []byte) (mask uint32) {
	for i, f := range fields {
		if i != sumField && !bytes.Equal(old[f.at:f.at+f.n], b[f.at:f.at+f.n]) {
			mask |= 1 << i
		}
	}
	f := fields[sumField]
	if !bytes.Equal(sum(b), b[f.at:f.at+f.n]) {
		mask |= 1 << sumField
	}
	return mask
}

// sum returns the field of the checksum of b as nearly all tools write it.
func sum(b []byte) []byte { return fmt.Appendf(nil, "%06o\x00 ", tario.Checksum(b)) }

// appendField appends the field to a column: zeros at its end are left out.
func appendField(col, b []byte) []byte {
	b = bytes.TrimRight(b, "\x00")
	col = binary.AppendUvarint(col, uint64(len(b)))
	return append(col, b...)
}

// replace replaces the fields of mask in the header b by the next in the columns.
func (r *reader) replace(b []byte, mask uint32) error {
	for i, f := range fields {
		if mask&(1<<i) == 0 {
			continue
		}
		n := r.uvarint(colFields+i, uint64(f.n))
		clear(b[f.at+copy(b[f.at:f.at+f.n], r.take(colFields+i, n)) : f.at+f.n])
	}
	if mask&(1<<sumField) == 0 {
		copy(b[fields[sumField].at:], sum(b))
	}
	return r.err
}
