package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"github.com/dray-oci/dray/arch"
)

// Bounds of a file. A thousand rules are about 100 KiB.
const (
	maxFileBytes    = 1 << 20
	maxRules        = 10_000
	maxPatterns     = 1_000 // of one list
	maxPatternBytes = 1_000
)

// A File says what is kept in step. See docs/sync.md for its form.
type File struct {
	Version   int      `yaml:"version"` // of the form: 1
	To        string   `yaml:"to"`      // where everything goes; see [ParseTarget]; may be empty
	Platforms []string `yaml:"platforms"`
	Images    []Rule   `yaml:"images"`
}

// A Rule says which images of one source are taken.
type Rule struct {
	From      string   `yaml:"from"`
	Except    []string `yaml:"except"`    // repositories that a pattern in From does not mean
	Tags      Tags     `yaml:"tags"`      // of every repository of From
	Platforms []string `yaml:"platforms"` // instead of the file's
	To        string   `yaml:"to"`        // the repository at the destination, or with "/" at its end what stands before it
	Immutable bool     `yaml:"immutable"` // what the destination has is not looked at again

	Line      int            `yaml:"-"` // where it begins
	Source    Source         `yaml:"-"` // what From means
	Selection arch.Selection `yaml:"-"` // what Platforms mean; zero: all

	except []pattern
}

// A SyntaxError says what is wrong with a file.
type SyntaxError struct {
	Line int // 0: the file as a whole
	Why  string
	Err  error // may be nil
}

func (e *SyntaxError) Error() string {
	text := e.Why
	if e.Line > 0 {
		text = fmt.Sprintf("line %d: %s", e.Line, e.Why)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// Parse reads a file of at most 1 MiB to its end. An unknown key, a value of the
// wrong form, more than one document and a rule that cannot mean anything are errors,
// always a [*SyntaxError] unless r fails.
func Parse(r io.Reader) (*File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFileBytes {
		return nil, &SyntaxError{Why: fmt.Sprintf("it is longer than %d bytes", maxFileBytes)}
	}
	f, err := decode(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Version != 1:
		return nil, &SyntaxError{Why: fmt.Sprintf("version is %d, not 1", f.Version)}
	case len(f.Images) == 0:
		return nil, &SyntaxError{Why: "there is nothing under images"}
	case len(f.Images) > maxRules:
		return nil, &SyntaxError{Why: fmt.Sprintf("there are more than %d images", maxRules)}
	}
	if _, err := arch.ParseList(f.Platforms); err != nil {
		return nil, &SyntaxError{Why: "platforms", Err: err}
	}
	for i := range f.Images {
		if err := f.Images[i].compile(f.Platforms); err != nil {
			return nil, &SyntaxError{Line: f.Images[i].Line, Why: "images", Err: err}
		}
	}
	return f, nil
}

// decode reads the only document of raw, strictly.
func decode(raw []byte) (*File, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var f File
	if err := dec.Decode(&f); errors.Is(err, io.EOF) {
		return nil, &SyntaxError{Why: "it is empty"}
	} else if err != nil {
		return nil, &SyntaxError{Why: plainly(err)}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &SyntaxError{Why: "there is more than one document in it"}
	}
	for i, line := range ruleLines(raw) {
		if i < len(f.Images) {
			f.Images[i].Line = line
		}
	}
	return &f, nil
}

// plainly puts what the YAML library says into one line.
func plainly(err error) string {
	var many *yaml.TypeError
	if errors.As(err, &many) {
		return strings.Join(many.Errors, "; ")
	}
	return strings.TrimPrefix(err.Error(), "yaml: ")
}

// ruleLines returns on which line each element of images begins.
func ruleLines(raw []byte) []int {
	var doc yaml.Node
	if yaml.Unmarshal(raw, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	var lines []int
	top := doc.Content[0].Content
	for i := 0; i+1 < len(top); i += 2 {
		if top[i].Value == "images" {
			for _, n := range top[i+1].Content {
				lines = append(lines, n.Line)
			}
		}
	}
	return lines
}
