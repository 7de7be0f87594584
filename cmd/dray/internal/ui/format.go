package ui

import (
	"fmt"
	"strings"
	"text/template"
)

// A Format is the value of --format: text, json, or a Go template as docker's.
// The zero value is text.
type Format struct {
	json  bool
	table bool // the template's tabs are columns under a header
	tmpl  *template.Template
}

// ParseFormat parses the value of --format. Empty and "text" mean the command's
// own text, "json" one JSON document, anything else a Go template with docker's
// functions: json, join, lower, upper, title, split, truncate, pad. "table "
// before a template aligns its tabs and prints a header. Outside of actions \t
// and \n mean a tab and a line break.
func ParseFormat(s string) (Format, error) {
	switch strings.TrimSpace(s) {
	case "", "text":
		return Format{}, nil
	case "json":
		return Format{json: true}, nil
	}
	f := Format{}
	if rest, ok := strings.CutPrefix(s, "table "); ok {
		s, f.table = strings.Trim(rest, " "), true
	}
	// A bare word is a format that was mistyped or belongs to another tool.
	if !strings.Contains(s, "{{") {
		return Format{}, fmt.Errorf("%q is not text, json or a Go template", Quote(s))
	}
	t, err := template.New("format").Funcs(functions()).Parse(s)
	if err != nil {
		return Format{}, &templateError{s, err}
	}
	for _, part := range t.Templates() {
		unescape(part.Root)
	}
	f.tmpl = t
	return f, nil
}

// A templateError says why a template cannot be read.
type templateError struct {
	text string
	err  error
}

func (e *templateError) Unwrap() error { return e.err }

func (e *templateError) Error() string {
	why := strings.TrimPrefix(e.err.Error(), "template: format:1: ") // what nobody asked for
	return fmt.Sprintf("%q: %s", Quote(e.text), why)
}

// IsText reports whether f leaves the form to the command.
func (f Format) IsText() bool { return !f.json && f.tmpl == nil }

// IsJSON reports whether f is "json".
func (f Format) IsJSON() bool { return f.json }
