package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// maxProblems bounds how much of what is wrong with a file is said at once.
const maxProblems = 20

// problems are what is wrong with a file, each a [*SyntaxError].
type problems struct {
	file string
	all  []error
}

func (p *problems) add(line int, err *SyntaxError) {
	if err.File, err.Line = p.file, line; len(p.all) < maxProblems {
		p.all = append(p.all, err)
	}
}

func (p *problems) err() error { return errors.Join(p.all...) }

// check holds n, which stands under the key what, against the type that it is to be
// decoded into. What an alias stands for is checked where it stands itself.
func (p *problems) check(n *yaml.Node, what string, t reflect.Type) {
	switch {
	case n.Kind == yaml.AliasNode, n.Tag == "!!null":
	case t == reflect.TypeFor[Tags]() && n.Kind != yaml.MappingNode:
		p.check(n, what, reflect.TypeFor[[]string]())
	case t.Kind() == reflect.Struct:
		p.checkMap(n, what, t)
	case t.Kind() == reflect.Slice && n.Kind != yaml.SequenceNode:
		p.add(n.Line, &SyntaxError{Why: fmt.Sprintf("%s is no list", what), advice: listAdvice(n, what, t)})
	case t.Kind() == reflect.Slice:
		each := "an element of " + what
		if t.Elem() == reflect.TypeFor[Rule]() {
			each = "a rule"
		}
		for _, item := range n.Content {
			p.check(item, each, t.Elem())
		}
	case n.Kind != yaml.ScalarNode:
		p.add(n.Line, &SyntaxError{Why: fmt.Sprintf("%s is no single value", what)})
	case t.Kind() == reflect.Bool && n.Tag != "!!bool":
		p.add(n.Line, &SyntaxError{Why: fmt.Sprintf("%s is %.100q, not true or false", what, n.Value)})
	case t.Kind() == reflect.Int && n.Tag != "!!int":
		p.add(n.Line, &SyntaxError{Why: fmt.Sprintf("%s is %.100q, not a number", what, n.Value)})
	}
}

// listAdvice shows how the value that stands in n is written as a list.
func listAdvice(n *yaml.Node, what string, t reflect.Type) string {
	if n.Kind != yaml.ScalarNode || t.Elem().Kind() != reflect.String || n.Value == "" {
		return ""
	}
	return fmt.Sprintf("write %s: [%q]", what, n.Value)
}

func (p *problems) checkMap(n *yaml.Node, what string, t reflect.Type) {
	fields := map[string]reflect.Type{}
	var known []string
	for _, f := range reflect.VisibleFields(t) {
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
			fields[key] = f.Type
			known = append(known, key)
		}
	}
	advice := fmt.Sprintf("the keys of %s are %s", what, strings.Join(known, ", "))
	if n.Kind != yaml.MappingNode {
		p.add(n.Line, &SyntaxError{Why: what + " has no keys", advice: advice})
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if t, ok := fields[key.Value]; ok {
			p.check(value, key.Value, t)
		} else if key.Tag != "!!merge" {
			p.add(key.Line, &SyntaxError{Why: fmt.Sprintf("unknown key %.100q", key.Value), advice: advice})
		}
	}
}

// notYAML is what the YAML library, which refused raw with err, has to say. It counts
// lines from the one before a tab, and calls it something else.
func notYAML(raw []byte, err error) *SyntaxError {
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 {
			return &SyntaxError{Line: number, Why: "the line begins with a tab: YAML is indented with spaces"}
		}
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if line, why, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok {
		if n, err := strconv.Atoi(line); err == nil {
			return &SyntaxError{Line: n, Why: why}
		}
	}
	return &SyntaxError{Why: text}
}
