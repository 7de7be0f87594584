package ref

import (
	"strconv"
	"unicode/utf8"
)

// SyntaxError says why a string is no name. What came from outside is quoted in it and cut.
type SyntaxError struct {
	Input  string // the whole string, as it was given
	Why    string
	Advice string // empty if there is none
}

// Error is one line: what was given, and why it is refused.
func (e *SyntaxError) Error() string {
	return "parsing name " + quote(e.Input) + ": " + e.Why
}

// Hint says what to write instead; it may be empty.
func (e *SyntaxError) Hint() string {
	return e.Advice
}

// maxQuotedRunes keeps an error readable whatever it quotes.
const maxQuotedRunes = 200

func quote(s string) string {
	runes := 0
	for i := 0; i < len(s); runes++ {
		if runes == maxQuotedRunes {
			return strconv.Quote(s[:i]) + "…"
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return strconv.Quote(s)
}
