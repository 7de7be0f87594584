package encoder

// names returns the encoders that may have written a gzip header, the likeliest
// first. A wrong one dies at its first wrong byte, so all are named that can be
// meant; levels that the header rules out are not.
func names(h hints) []string {
	var all []string
	for _, level := range levels(h.xfl) {
		all = append(all, goEngine(level).String())
	}
	return all
}

// levels are the levels that write such an XFL byte, the likeliest first. Who
// writes the header by hand may leave it 0 at any level.
func levels(xfl byte) []int {
	switch xfl {
	case 2:
		return []int{9, 6, 1, 5, 4, 3, 2, 7, 8, -2, 0}
	case 4:
		return []int{1, 6, 9, 5, 4, 3, 2, 7, 8, -2, 0}
	}
	return []int{6, 1, 9, 5, 4, 3, 2, 7, 8, -2, 0}
}
