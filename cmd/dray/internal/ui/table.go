package ui

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// Table writes rows in aligned columns, three spaces between them, under header
// unless it is nil. Cells are quoted: see [Quote]. Rows may be shorter than others.
func Table(w io.Writer, header []string, rows [][]string) error {
	lines := make([][]string, 0, len(rows)+1)
	if header != nil {
		lines = append(lines, header)
	}
	lines = append(lines, rows...)
	var widths []int
	for _, cells := range lines {
		for i, c := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(Quote(c)))
		}
	}
	out := bufio.NewWriter(w)
	for _, cells := range lines {
		out.WriteString(align(cells, widths) + "\n") // the error stays until Flush
	}
	return out.Flush()
}

func align(cells []string, widths []int) string {
	var b strings.Builder
	for i, c := range cells {
		c = Quote(c)
		b.WriteString(c)
		b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+3))
	}
	return strings.TrimRight(b.String(), " ")
}
