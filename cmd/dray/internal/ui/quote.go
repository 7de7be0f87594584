package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Quote returns s with everything made visible that a terminal would obey or
// hide: control characters, escape sequences, line breaks, changes of the
// writing direction, characters without width, and bytes that are not UTF-8. A
// harmless string is returned unchanged.
func Quote(s string) string { return quoteExcept(s, "") }

// maxLineBytes bounds a message on stderr: enough for any sentence, and for the
// start of what a server answered instead of one.
const maxLineBytes = 4 << 10

// quoteLine is Quote for a line of a message; what is too long is cut.
func quoteLine(s string) string {
	if len(s) > maxLineBytes {
		s = strings.ToValidUTF8(s[:maxLineBytes], "") + "…"
	}
	return Quote(s)
}

// quoteExcept is Quote that leaves the characters in keep as they are.
func quoteExcept(s, keep string) string {
	harmless := func(r rune) bool { return unicode.IsPrint(r) || strings.ContainsRune(keep, r) }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !harmless(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case harmless(r):
			b.WriteRune(r)
		default:
			b.WriteString(escape(r))
		}
		i += size
	}
	return b.String()
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// quoteJSON makes visible in a JSON document what json.Marshal leaves as it is.
// Such characters stand only inside strings, so the document means the same.
func quoteJSON(doc []byte) []byte {
	var b []byte
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		switch {
		case unicode.IsPrint(r) || r == '\n':
			b = append(b, doc[i:i+size]...)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			// RFC 8259, section 7
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		}
		i += size
	}
	return b
}
