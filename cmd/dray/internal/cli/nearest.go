package cli

import "strings"

// nearest returns that of words which word was most likely meant to be, the one that
// differs from it by fewest letters. It is empty if all differ by many.
func nearest(word string, words []string) string {
	const mostLetters = 100 // what is longer was not mistyped, and costs its square
	lower := strings.ToLower(word)
	if word == "" || len(word) > mostLetters {
		return ""
	}
	best, least := "", min(2, (len(word)+1)/3)+1
	for _, w := range words {
		if len(w) > mostLetters {
			continue
		}
		if d := distance(lower, strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters must be put in, left out, changed or swapped with
// their neighbour to make b of a.
func distance(a, b string) int {
	var before, above []int // the rows of two letters and one letter less of a
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(row[j-1]+1, above[j]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
