package ui

import (
	"fmt"
	"slices"
	"strings"
)

// Error writes err to Err as one line, "dray: " and what happened, and then, if
// something in err has a Hint() string, "hint: " and the first one that is not
// empty. A nil err writes nothing.
func (s *Streams) Error(err error) {
	if err == nil {
		return
	}
	// There is nowhere left to say that stderr cannot be written.
	fmt.Fprintf(s.Err, "%s %s\n", s.paintErr(Red, "dray:"), quoteLine(oneLine(err.Error())))
	if h := Hint(err); h != "" {
		fmt.Fprintf(s.Err, "%s %s\n", s.paintErr(Cyan, "hint:"), quoteLine(oneLine(h)))
	}
}

// Hint returns the advice in err or in what it wraps, outermost first, as it is;
// empty if there is none.
func Hint(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		if hint := h.Hint(); hint != "" {
			return hint
		}
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			return Hint(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			if h := Hint(inner); h != "" {
				return h
			}
		}
	}
	return ""
}

// oneLine joins the lines of a message with "; " and says each fact once: no
// line twice, and no part twice in a row ("open x: open x: why").
func oneLine(s string) string {
	var lines []string
	for l := range strings.SplitSeq(s, "\n") {
		parts := slices.Compact(strings.Split(strings.TrimSpace(l), ": "))
		if l = strings.Join(parts, ": "); l != "" && !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "; ")
}
