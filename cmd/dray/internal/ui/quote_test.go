package ui

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"ghcr.io/a/b:1 \\ \"x\"": "ghcr.io/a/b:1 \\ \"x\"",
		"Grüße 日本":               "Grüße 日本",
		"a\x1b[2Jb":              `a\x1b[2Jb`,
		"a\nb\r\tc\x7f":          `a\nb\r\tc\x7f`,
		"\u009b31m":              `\u009b31m`,
		"a\u202eb\u2066\u200b":   `a\u202eb\u2066\u200b`,
		"\ufeff\u2028":           `\ufeff\u2028`,
		"a\xffb\xc3":             `a\xffb\xc3`,
		"\U000e0041":             `\U000e0041`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("a\x1b]0;b\a", []byte(`{"a":"b"}`))
	f.Add("\u202e\xff", []byte("\"\u009b\U000e0041\""))
	f.Fuzz(func(t *testing.T, s string, doc []byte) {
		q := Quote(s)
		if i := strings.IndexFunc(q, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("Quote(%q) = %q", s, q)
		}
		if Quote(q) != q {
			t.Errorf("Quote changes its own %q", q)
		}
		var v, w any
		if json.Unmarshal(doc, &v) != nil {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		safe := quoteJSON(b)
		if err := json.Unmarshal(safe, &w); err != nil {
			t.Fatalf("%q is no JSON: %v", safe, err)
		}
		if again, _ := json.Marshal(w); string(again) != string(b) {
			t.Errorf("%q became %q", b, again)
		}
	})
}
