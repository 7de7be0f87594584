package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"
)

// functions are docker's, so that a template written for docker works here.
func functions() template.FuncMap {
	return template.FuncMap{
		"json":     templateJSON,
		"join":     join,
		"split":    strings.Split,
		"lower":    strings.ToLower,
		"upper":    strings.ToUpper,
		"title":    title,
		"pad":      pad,
		"truncate": truncate,
	}
}

func templateJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// join joins any list, and the sorted values of a map.
func join(list any, sep string) (string, error) {
	v := reflect.ValueOf(list)
	var parts []string
	switch v.Kind() {
	case reflect.Invalid:
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			parts = append(parts, fmt.Sprint(v.Index(i).Interface()))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			parts = append(parts, fmt.Sprint(v.MapIndex(k).Interface()))
		}
		slices.Sort(parts)
	default:
		return "", fmt.Errorf("join wants a list, not %s", v.Type())
	}
	return strings.Join(parts, sep), nil
}

func title(s string) string {
	start := true
	return strings.Map(func(r rune) rune {
		if start {
			r = unicode.ToTitle(r)
		}
		start = unicode.IsSpace(r)
		return r
	}, s)
}

// pad puts spaces around s unless s is empty. Counts are bounded because they
// are all that stands between a typing mistake and the machine's memory.
func pad(s string, before, after int) (string, error) {
	const most = 1000
	if before < 0 || after < 0 || before > most || after > most {
		return "", fmt.Errorf("pad wants 0 to %d spaces", most)
	}
	if s == "" {
		return "", nil
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after), nil
}

func truncate(s string, length int) string {
	if r := []rune(s); length >= 0 && len(r) > length {
		return string(r[:length])
	}
	return s
}

// unescape turns \t and \n in the text between actions into what they mean.
func unescape(n parse.Node) {
	walk(n, true, func(n parse.Node) {
		if t, ok := n.(*parse.TextNode); ok {
			t.Text = []byte(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(string(t.Text)))
		}
	})
}

// header returns what stands over the columns of a table: for each action the
// name of its field, "CREATED AT" for {{.CreatedAt}}.
func header(n parse.Node) string {
	var b strings.Builder
	walk(n, false, func(n parse.Node) {
		switch n := n.(type) {
		case *parse.TextNode:
			b.Write(n.Text)
		case *parse.ActionNode:
			b.WriteString(spaced(field(n.Pipe)))
		}
	})
	return b.String()
}

// field returns the name of the first field that a pipeline uses; empty if there is none.
func field(p *parse.PipeNode) string {
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			switch a := arg.(type) {
			case *parse.FieldNode:
				return a.Ident[len(a.Ident)-1]
			case *parse.PipeNode:
				if f := field(a); f != "" {
					return f
				}
			}
		}
	}
	return ""
}

// spaced returns "FOO BAR" for "FooBar".
func spaced(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if lower && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// walk visits text and actions in order, the else arms of branches only if asked to.
func walk(n parse.Node, elseArms bool, visit func(parse.Node)) {
	branch := func(b *parse.BranchNode) {
		walk(b.List, elseArms, visit)
		if elseArms {
			walk(b.ElseList, elseArms, visit)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, c := range n.Nodes {
			walk(c, elseArms, visit)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	default:
		visit(n)
	}
}
