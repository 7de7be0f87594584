package mirror

import (
	"fmt"
	"regexp"
	"strings"
)

// A pattern is a glob, or between slashes a regular expression.
type pattern struct{ re *regexp.Regexp }

// parsePatterns compiles a list that is called what.
func parsePatterns(what string, list []string) ([]pattern, error) {
	if len(list) > maxPatterns {
		return nil, fmt.Errorf("%s: more than %d patterns", what, maxPatterns)
	}
	out := make([]pattern, 0, len(list))
	for _, s := range list {
		p, err := parsePattern(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func parsePattern(s string) (pattern, error) {
	switch {
	case s == "":
		return pattern{}, fmt.Errorf("a pattern is empty")
	case len(s) > maxPatternBytes:
		return pattern{}, fmt.Errorf("a pattern is longer than %d bytes", maxPatternBytes)
	}
	expr, isRegexp := s, len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/'
	if isRegexp {
		expr = s[1 : len(s)-1]
	} else {
		expr = globExpr(s)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", s, err)
	}
	return pattern{re}, nil
}

// globExpr makes an expression of a glob: "*" is anything but "/", "**" anything,
// "?" one character but "/", and "[…]" a class of characters.
func globExpr(s string) string {
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(s); i++ {
		switch end := strings.IndexByte(s[i:], ']'); {
		case strings.HasPrefix(s[i:], "**"):
			b.WriteString(".*")
			i++
		case s[i] == '*':
			b.WriteString("[^/]*")
		case s[i] == '?':
			b.WriteString("[^/]")
		case s[i] == '[' && end > 1:
			class := s[i+1 : i+end]
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			b.WriteString("[" + strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(class) + "]")
			i += end
		default:
			b.WriteString(regexp.QuoteMeta(s[i : i+1]))
		}
	}
	return b.String() + "$"
}

func (p pattern) matches(s string) bool { return p.re.MatchString(s) }

// anyMatches reports whether one of list matches one of names.
func anyMatches(list []pattern, names ...string) bool {
	for _, p := range list {
		for _, name := range names {
			if p.matches(name) {
				return true
			}
		}
	}
	return false
}

// isGlob reports whether s is a pattern and no plain name.
func isGlob(s string) bool { return strings.ContainsAny(s, "*?[") }
