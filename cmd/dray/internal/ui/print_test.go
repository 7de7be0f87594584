package ui

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type row struct {
	Name      string   `json:"name"`
	Platforms []string `json:"platforms"`
	CreatedAt string   `json:"createdAt"`
}

var rows = []row{
	{"alpine<1>", []string{"linux/amd64", "linux/arm64"}, "today"},
	{"b\x1b[1m\u202e", nil, "long ago"},
}

func TestPrintList(t *testing.T) {
	for _, tt := range []struct{ name, format, want string }{
		{"text", "", "the text\n"},
		{"text by name", "text", "the text\n"},
		{"template", "{{.Name}} {{len .Platforms}}", "alpine<1> 2\nb\x1b[1m\u202e 0\n"},
		{"functions", `{{join .Platforms ", " | upper}}|{{truncate .Name 3}}|{{title .CreatedAt}}|{{pad .CreatedAt 1 2}}|{{index (split .Name "<") 0}}`, "LINUX/AMD64, LINUX/ARM64|alp|Today| today  |alpine\n|b\x1b[|Long Ago| long ago  |b\x1b[1m\u202e\n"},
		{"escapes between actions only", `{{.CreatedAt}}\t{{json "\t"}}{{if .Platforms}}\n{{else}}\n\n{{end}}`, "today\t\"\\t\"\n\nlong ago\t\"\\t\"\n\n\n"},
		{"table", `table {{.Name}}\t{{json .Platforms}}\t{{if true}}{{.CreatedAt}}{{end}}`, "NAME             PLATFORMS                       CREATED AT\nalpine<1>        [\"linux/amd64\",\"linux/arm64\"]   today\nb\\x1b[1m\\u202e   null                            long ago\n"},
		{"json", "json", "[\n  {\n    \"name\": \"alpine<1>\",\n    \"platforms\": [\n      \"linux/amd64\",\n      \"linux/arm64\"\n    ],\n    \"createdAt\": \"today\"\n  },\n  {\n    \"name\": \"b\\u001b[1m\\u202e\",\n    \"platforms\": null,\n    \"createdAt\": \"long ago\"\n  }\n]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := ParseFormat(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			s, out, errs := Buffers("")
			err = PrintList(s, f, rows, func(w io.Writer) error {
				_, err := io.WriteString(w, "the text\n")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Error(diff)
			}
			if errs.Len() > 0 {
				t.Errorf("stderr: %q", errs)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	s, out, _ := Buffers("")
	f, _ := ParseFormat("json")
	if err := s.Print(f, rows[0].Platforms, nil); err != nil || out.String() != "[\n  \"linux/amd64\",\n  \"linux/arm64\"\n]\n" {
		t.Errorf("%q, %v", out, err)
	}
	out.Reset()
	if err := PrintList[row](s, f, nil, nil); err != nil || out.String() != "[]\n" {
		t.Errorf("no items: %q, %v", out, err)
	}
	broken := errors.New("broken")
	if err := s.Print(Format{}, nil, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestTemplateOnTerminal(t *testing.T) {
	s, out, _ := Buffers("")
	s.OutIsTerminal = true
	f, _ := ParseFormat(`{{.Name}}\t.`)
	if err := PrintList(s, f, rows[1:], nil); err != nil || out.String() != "b\\x1b[1m\\u202e\t.\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestFormatErrors(t *testing.T) {
	for _, bad := range []string{"yaml", "{{", "{{nothing .}}", "table", "table x"} {
		if _, err := ParseFormat(bad); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, fails := range []string{"{{.Nope}}", `{{pad .Name -1 0}}`, `{{pad .Name 0 100000000}}`, `{{join .Name ","}}`, "table {{.Nope}}"} {
		f, err := ParseFormat(fails)
		if err != nil {
			t.Fatal(err)
		}
		s, out, _ := Buffers("")
		if err := PrintList(s, f, rows, nil); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v, wrote %q", fails, err, out)
		}
	}
}

func FuzzParseFormat(f *testing.F) {
	f.Add("table {{.Name}}\\t{{range .Platforms}}{{.}}{{else}}x{{end}}")
	f.Add("{{with (split .Name `,`)}}{{join . `-`}}{{end}}")
	f.Fuzz(func(t *testing.T, format string) {
		// A template that loops or prints a lot is the user's own; only parsing is at stake.
		p, err := ParseFormat(format)
		if err == nil && p.table {
			header(p.tmpl.Root)
		}
	})
}

func TestTable(t *testing.T) {
	s, out, _ := Buffers("")
	if err := Table(s.Out, []string{"NAME", "SIZE", ""}, [][]string{{"grün", "1kB"}, {"a\tb\n", "", "x"}, {}}); err != nil {
		t.Fatal(err)
	}
	want := "NAME     SIZE\ngrün     1kB\na\\tb\\n          x\n\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLines(t *testing.T) {
	s, out, _ := Buffers("")
	if err := s.Lines("a", "b\x1b"); err != nil || out.String() != "a\nb\\x1b\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestVerbatim(t *testing.T) {
	const doc = "{\n\t\"a\": \"\u009b\x1b[1m\"\r\n}"
	s, out, _ := Buffers("")
	if err := s.Verbatim([]byte(doc)); err != nil || out.String() != doc {
		t.Errorf("to a pipe: %q, %v", out, err)
	}
	s, out, _ = Buffers("")
	s.OutIsTerminal = true
	if err := s.Verbatim([]byte(doc)); err != nil || out.String() != "{\n\t\"a\": \"\\u009b\\x1b[1m\"\\r\n}\n" {
		t.Errorf("to a terminal: %q, %v", out, err)
	}
}
