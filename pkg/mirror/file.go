package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
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

	except  []pattern
	excepts []bool // which of Except a repository was left out for
}

// A SyntaxError says what is wrong with a file.
type SyntaxError struct {
	File string
	Line int // 0: the file as a whole
	Why  string
	Err  error // may be nil

	advice string
}

func (e *SyntaxError) Error() string {
	text := e.File + ": " + e.Why
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Why)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// Hint says what to write instead; empty if that is not known.
func (e *SyntaxError) Hint() string { return e.advice }

// Parse reads a file of at most 1 MiB to its end; errors call it file. An unknown key,
// a value of the wrong form, more than one document and a rule that cannot mean
// anything are errors: a [*SyntaxError], or several joined, unless r fails.
func Parse(r io.Reader, file string) (*File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	p := &problems{file: file}
	f := p.decode(raw)
	if p.err() == nil {
		p.compile(f)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return f, nil
}

// compile checks what f says, and makes of it what it means.
func (p *problems) compile(f *File) {
	switch {
	case f.Version != 1:
		p.add(0, &SyntaxError{Why: fmt.Sprintf("version is %d, not 1", f.Version), advice: "it begins with: version: 1"})
	case len(f.Images) == 0:
		p.add(0, &SyntaxError{Why: "there is nothing under images"})
	case len(f.Images) > maxRules:
		p.add(0, &SyntaxError{Why: fmt.Sprintf("there are more than %d images", maxRules)})
		return
	}
	if _, err := arch.ParseList(f.Platforms); err != nil {
		p.add(0, &SyntaxError{Why: "platforms", Err: err})
		f.Platforms = nil // which every rule would repeat
	}
	for i := range f.Images {
		if err := f.Images[i].compile(f.Platforms); err != nil {
			p.add(f.Images[i].Line, &SyntaxError{Why: "images", Err: err})
		}
	}
}

// decode reads the only document of raw, strictly.
func (p *problems) decode(raw []byte) *File {
	var f File
	if len(raw) > maxFileBytes {
		p.add(0, &SyntaxError{Why: fmt.Sprintf("it is longer than %d bytes", maxFileBytes)})
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		p.add(0, &SyntaxError{Why: "it is empty"})
		return nil
	} else if err != nil {
		why := notYAML(raw, err)
		p.add(why.Line, why)
		return nil
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		p.add(0, &SyntaxError{Why: "there is more than one document in it"})
		return nil
	}
	if p.check(doc.Content[0], "the file", reflect.TypeFor[File]()); p.err() != nil {
		return nil
	}
	dec = yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true) // also of what aliases bring
	if err := dec.Decode(&f); err != nil {
		p.add(0, &SyntaxError{Why: plainly(err)})
		return nil
	}
	for i, line := range ruleLines(&doc) {
		if i < len(f.Images) {
			f.Images[i].Line = line
		}
	}
	return &f
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
func ruleLines(doc *yaml.Node) []int {
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
