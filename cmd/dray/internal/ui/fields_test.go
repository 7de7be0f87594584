package ui

import (
	"errors"
	"io"
	"testing"
	"text/template/parse"
	"time"
)

type inner struct {
	Size int64 `json:"size"`
}

func (inner) Half() int { return 0 }

type sample struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Parts   []inner           `json:"platforms"`
	Created *time.Time
	Any     any
	*inner
	hidden int
}

func TestFits(t *testing.T) {
	for _, c := range []struct{ format, field, meant string }{
		{"text", "", ""},
		{"json", "", ""},
		{"{{.Name}} {{.Size}} {{.Half}}", "", ""},
		{"{{.Labels.maintainer}} {{.Any.Of.It}}", "", ""},
		{"{{range .Parts}}{{.Size}}{{end}}", "", ""},
		{"{{range $i, $p := .Parts}}{{$p.Size}}{{$.Name}}{{end}}", "", ""},
		{`{{.Created.Format "2006"}} {{(index .Parts 0).Nothing}}`, "", ""},
		{"{{with .Labels}}{{.x}}{{else}}{{.Name}}{{end}}", "", ""},
		{"{{.Nmae}}", "Nmae", ""},
		{"{{.name}}", "name", "Name"},
		{"{{.platforms}}", "platforms", "Parts"},
		{"{{.Platforms}}", "Platforms", "Parts"},
		{"{{.hidden}}", "hidden", ""},
		{"{{range .Parts}}{{.Name}}{{end}}", "Name", ""},
		{"{{range .Parts}}{{$.Size}}{{$.Foo}}{{end}}", "Foo", ""},
		{"{{if .Foo}}x{{end}}", "Foo", ""},
		{"{{with .Parts}}{{.Foo}}{{end}}", "Foo", ""},
		{"{{with .Name}}{{else}}{{.Foo}}{{end}}", "Foo", ""},
		{"{{join .Foo \",\" | upper}}", "Foo", ""},
		{"{{json (.Name.Foo)}}", "Foo", ""},
	} {
		f, err := ParseFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		err = f.Fits(sample{})
		var wrong *FieldError
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", c.format, err)
		case c.field != "" && (!errors.As(err, &wrong) || wrong.Field != c.field || wrong.Meant != c.meant):
			t.Errorf("%s: %v, not about %s", c.format, err, c.field)
		}
	}
	f, _ := ParseFormat("{{.x}}")
	err := f.Fits(sample{})
	if got, want := Hint(err), "there are .Name, .Labels, .Parts, .Created, .Any, .Size"; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
}

// What can be filled in fits.
func FuzzFits(f *testing.F) {
	for _, s := range []string{"{{.Name}}", "{{range .Parts}}{{.Size}}{{end}}", "{{with $x := .Any}}{{$x.A.B}}{{end}}", "{{.inner.Size}}", "{{template \"x\" .Foo}}{{define \"x\"}}{{end}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFormat(s)
		if err != nil || p.tmpl == nil {
			return
		}
		now := time.Unix(0, 0)
		v := sample{Name: "a", Labels: map[string]string{"b": "c"}, Parts: []inner{{1}}, Created: &now, Any: inner{}, inner: &inner{}}
		_ = v.hidden
		if p.Fits(v) != nil && straight(p) && p.tmpl.Execute(io.Discard, v) == nil {
			t.Errorf("%q can be filled in, but does not fit", s)
		}
	})
}

// straight reports whether nothing in the template of f is left out on any value.
func straight(f Format) bool {
	for _, n := range f.tmpl.Root.Nodes {
		switch n.Type() {
		case parse.NodeText, parse.NodeAction, parse.NodeComment:
		default:
			return false
		}
	}
	return true
}
