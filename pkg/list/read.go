package list

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	maxBytes = 8 << 20 // a lock of maxLines has about 200 bytes a line
	maxLines = 10_000
)

// MaxFaults bounds how many lines that are wrong are told at once.
const MaxFaults = 20

// Read reads a list called file, a line for each image, in their order, doubles
// kept. Blank lines, lines that start with "#", and what follows a "#" after white
// space are left out, as are a byte order mark and carriage returns. More than
// 8 MiB or 10,000 lines, a line that is no UTF-8 text, or a setting that is none is
// an error that begins with FILE:LINE; of such settings there may be up to MaxFaults,
// joined. r is read to its end, or to the bound.
func Read(r io.Reader, file string) ([]Line, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s:%d: the list is longer than %d bytes", file, 1+bytes.Count(data, []byte("\n")), maxBytes)
	}
	var lines []Line
	var wrong []error
	number := 0
	for text := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		if number > maxLines {
			return nil, fmt.Errorf("%s:%d: the list has more than %d lines", file, number, maxLines)
		}
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return nil, &textError{file, number}
		}
		text = stripComment(text)
		if text == "" {
			continue
		}
		l, err := parseLine(text)
		if err != nil {
			if wrong = append(wrong, fmt.Errorf("%s:%d: %w", file, number, err)); len(wrong) == MaxFaults {
				break
			}
			continue
		}
		l.File, l.Number = file, number
		lines = append(lines, l)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return lines, nil
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

// textError is a line that is no text: mostly the UTF-16 that PowerShell's ">" writes.
type textError struct {
	file string
	line int
}

func (e *textError) Error() string {
	return fmt.Sprintf("%s:%d: this is not UTF-8 text", e.file, e.line)
}

func (e *textError) Hint() string {
	return "save the list as UTF-8; in Windows PowerShell with \"Out-File -Encoding utf8\""
}

// Write writes lines as [Read] takes them, under a comment.
func Write(w io.Writer, comment string, lines []Line) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s\n", comment) // the error stays until Flush
	for _, l := range lines {
		fmt.Fprintln(out, l)
	}
	return out.Flush()
}
