package tokens

import (
	"cmp"
	"slices"
)

// likelyLengths sets lengths to those of the best code for symbols that come up so
// often, none longer than most: what an encoder is likely to have chosen. It is part
// of the format. Symbols are taken by how often they come up, equals in their order;
// of a symbol and a pair that come up equally often the symbol is joined first.
func likelyLengths(lengths []byte, often []uint32, most int) {
	clear(lengths)
	var order []int32
	for i, n := range often {
		if n > 0 {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(often[a], often[b]), cmp.Compare(a, b)) })
	if len(order) == 1 {
		lengths[order[0]] = 1
	}
	if len(order) < 2 {
		return
	}
	count := depths(order, often, most)
	at := 0
	for n := most; n > 0; n-- {
		for range count[n] {
			lengths[order[at]] = byte(n)
			at++
		}
	}
}

// depths returns how many leaves of the best tree are how deep, none deeper than most.
func depths(order []int32, often []uint32, most int) (count [maxBits + 1]int) {
	leaves := len(order)
	weight := make([]uint64, 2*leaves-1) // of leaves, then of pairs
	parent := make([]int, 2*leaves-1)
	for i, symbol := range order {
		weight[i] = uint64(often[symbol])
	}
	leaf, pair := 0, leaves
	for next := leaves; next < len(weight); next++ {
		for range 2 {
			least := &pair
			if leaf < leaves && (pair == next || weight[leaf] <= weight[pair]) {
				least = &leaf
			}
			weight[next] += weight[*least]
			parent[*least] = next
			*least++
		}
	}
	depth := make([]int, len(weight))
	for i := len(weight) - 2; i >= 0; i-- {
		if depth[i] = depth[parent[i]] + 1; i < leaves {
			count[min(depth[i], most)]++
		}
	}
	limit(&count, most)
	return count
}

// limit makes a code of counts in which all that is too deep is at most: as long as
// there are too many codes, one at the bottom goes below one above it.
func limit(count *[maxBits + 1]int, most int) {
	used := 0
	for n := 1; n <= most; n++ {
		used += count[n] << (most - n)
	}
	for ; used > 1<<most; used-- {
		n := most - 1
		for count[n] == 0 {
			n--
		}
		count[n]--
		count[n+1] += 2
		count[most]--
	}
}

// likelyOps appends how lengths are usually written (as zlib does): runs as long as
// they can be.
func likelyOps(ops []op, lengths []byte) []op {
	for i := 0; i < len(lengths); {
		n := 1
		for i+n < len(lengths) && lengths[i+n] == lengths[i] {
			n++
		}
		ops = appendRun(ops, lengths[i], n)
		i += n
	}
	return ops
}

// appendRun appends n times a length.
func appendRun(ops []op, length byte, n int) []op {
	if length != 0 {
		ops = append(ops, newOp(int(length), 0))
		n--
	}
	for n > 0 {
		switch {
		case n < 3:
			ops = append(ops, newOp(int(length), 0))
			n--
		case length != 0:
			k := min(n, 6)
			ops = append(ops, newOp(16, k-3))
			n -= k
		case n <= 10:
			ops = append(ops, newOp(17, n-3))
			n = 0
		default:
			k := min(n, 138)
			ops = append(ops, newOp(18, k-11))
			n -= k
		}
	}
	return ops
}
