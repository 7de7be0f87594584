package encoder

import "fmt"

// Level -1 is 6 of goFamily and go1.27, 5 of klauspost's.
var (
	goLevels = []int{6, 1, 9, 5, 4, 3, 2, 7, 8, -2, 0}
	kpLevels = []int{5, 6, 1, 9, 4, 3, 2, 7, 8, -2, 0}
	zLevels  = []int{6, 9, 1, 5, 4, 3, 2, 7, 8}
)

// pgzipTime is the time in the header of pgzip: Go's zero time in 32 bits.
const pgzipTime = 0x886e0900

// names returns the encoders that may have written a gzip header, the likeliest
// first: a wrong one dies at its first wrong byte, so all are named, and the
// header only orders them. Families that make the same bytes at a level are
// named once, by the first.
func names(h hints) []string {
	streams := concat(each(goFamily+"/%d", goLevels), each("go1.27/%d", goLevels),
		[]string{"kp1.18.5/9", "kp1.18.0/4"}, each("kp1.15/%d", kpLevels[:9]))
	var blocks []string
	for _, b := range pgzipBlocks {
		blocks = concat(blocks, each("pgzip-kp1.18.5/%d/"+b.name, kpLevels), each("pgzip-kp1.15/%d/"+b.name, kpLevels[:9]),
			each("pgzip-kp1.20/%d/"+b.name, []int{9, 7, 8}), []string{"pgzip-kp1.18.0/4/" + b.name})
	}
	c := concat(each(zlibFamily+"/%d", zLevels), each(gnuFamily+"/%d", zLevels), each(pigzFamily+"/%d", zLevels))
	switch {
	case h.time == pgzipTime:
		return concat(blocks, streams, c)
	case h.os != 255:
		return concat(c, streams, blocks)
	}
	return concat(streams, c, blocks)
}

func each(format string, levels []int) []string {
	var all []string
	for _, level := range levels {
		all = append(all, fmt.Sprintf(format, level))
	}
	return all
}

func concat(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
