package mirror

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// maxShards bounds N of "I/N".
const maxShards = 10_000

// A Shard is one of Of parts of the work, counted from 0. The zero Shard is all of it.
type Shard struct{ Index, Of int }

// ParseShard reads "I/N" with 0 ≤ I < N; the empty string is the zero Shard.
func ParseShard(s string) (Shard, error) {
	if s == "" {
		return Shard{}, nil
	}
	index, of, ok := strings.Cut(s, "/")
	i, ierr := strconv.Atoi(index)
	n, nerr := strconv.Atoi(of)
	if !ok || ierr != nil || nerr != nil || n < 1 || n > maxShards || i < 0 || i >= n {
		return Shard{}, fmt.Errorf("%q is no shard: write I/N, with I from 0 to N-1 and N at most %d", s, maxShards)
	}
	return Shard{i, n}, nil
}

// Has reports whether name, a full name with its tag, belongs to the shard: if the
// first eight bytes of its SHA-256, as a big-endian number, leave Index when divided by
// Of. So every name belongs to exactly one of Of shards, on every machine, and stays
// there whatever else there is.
func (s Shard) Has(name string) bool {
	if s.Of <= 1 {
		return true
	}
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:8])%uint64(s.Of) == uint64(s.Index)
}

// String is I/N, or nothing for all.
func (s Shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Of)
}
