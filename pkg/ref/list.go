package ref

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	maxListBytes = 1 << 20
	maxListLines = 10_000
)

// ReadList reads a text file of names, one a line, in their order, doubles kept. Blank lines,
// lines that start with "#", and what follows a "#" after white space are left out; white space
// around a name, a byte order mark and carriage returns are taken off. The names are not parsed.
// More than 1 MiB or 10,000 lines, or a line that is no UTF-8 text, is an error that names the
// line. The reader is read to its end, or to the bound.
func ReadList(r io.Reader) ([]string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxListBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading list of names: %w", err)
	}
	if len(data) > maxListBytes {
		return nil, fmt.Errorf("reading list of names: line %d: the list is longer than %d bytes", 1+bytes.Count(data, []byte("\n")), maxListBytes)
	}
	var names []string
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		if number > maxListLines {
			return nil, fmt.Errorf("reading list of names: line %d: the list has more than %d lines", number, maxListLines)
		}
		if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
			return nil, &listError{line: number}
		}
		if name := stripComment(line); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

func stripComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
			break
		}
	}
	return strings.TrimSpace(line)
}

// listError is the line that is no text: mostly the UTF-16 that PowerShell's ">" writes.
type listError struct{ line int }

func (e *listError) Error() string {
	return fmt.Sprintf("reading list of names: line %d: this is not UTF-8 text", e.line)
}

func (e *listError) Hint() string {
	return "save the list as UTF-8; in Windows PowerShell with \"Out-File -Encoding utf8\""
}
