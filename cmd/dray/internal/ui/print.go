package ui

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Print writes one value to Out: with text if f is text, as one indented JSON
// document, or through the template. Nothing is written if the template fails.
func (s *Streams) Print(f Format, v any, text func(w io.Writer) error) error {
	return s.print(f, v, []any{v}, text)
}

// PrintList writes many values to Out: with text if f is text, as one JSON
// array, or through the template, one line for each.
func PrintList[T any](s *Streams, f Format, items []T, text func(w io.Writer) error) error {
	if items == nil {
		items = []T{} // [] in JSON, not null
	}
	each := make([]any, len(items))
	for i := range items {
		each[i] = items[i]
	}
	return s.print(f, items, each, text)
}

// Lines writes lines to Out, each quoted: the digests or names that -q asks for.
func (s *Streams) Lines(lines ...string) error {
	w := bufio.NewWriter(s.Out)
	for _, l := range lines {
		w.WriteString(Quote(l) + "\n") // the error stays until Flush
	}
	return w.Flush()
}

// Verbatim writes a document to Out byte for byte. On a terminal, what that would
// obey is made visible, and the last line is ended.
func (s *Streams) Verbatim(doc []byte) error {
	if s.OutIsTerminal {
		text := quoteExcept(string(doc), "\n\t")
		doc = []byte(strings.TrimSuffix(text, "\n") + "\n")
	}
	_, err := s.Out.Write(doc)
	return err
}

func (s *Streams) print(f Format, all any, each []any, text func(w io.Writer) error) error {
	if f.json {
		return s.printJSON(all)
	}
	if f.tmpl != nil {
		return s.printTemplate(f, each)
	}
	w := bufio.NewWriter(s.Out)
	if err := text(w); err != nil {
		return err
	}
	return w.Flush()
}

func (s *Streams) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, err := s.Out.Write(quoteJSON(b.Bytes()))
	return err
}

func (s *Streams) printTemplate(f Format, each []any) error {
	var b bytes.Buffer
	for _, v := range each {
		if err := f.tmpl.Execute(&b, v); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		b.WriteByte('\n')
	}
	if f.table {
		var rows [][]string
		for line := range strings.Lines(b.String()) {
			rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		}
		return Table(s.Out, strings.Split(header(f.tmpl.Root), "\t"), rows)
	}
	text := b.String()
	if s.OutIsTerminal {
		text = quoteExcept(text, "\n\t")
	}
	_, err := io.WriteString(s.Out, text)
	return err
}
