package ui

import (
	"fmt"
	"reflect"
	"strings"
	"text/template/parse"
)

// A FieldError says that a template asks for a field that there is not.
type FieldError struct {
	Field string
	Meant string   // the field whose key in JSON that is; empty if none
	Known []string // the fields that there are, as they are written in templates
}

func (e *FieldError) Error() string { return fmt.Sprintf("there is no field .%s", Quote(e.Field)) }

// Hint names the fields that there are.
func (e *FieldError) Hint() string {
	if e.Meant != "" {
		return fmt.Sprintf("write .%s; there are %s", e.Meant, strings.Join(e.Known, ", "))
	}
	return "there are " + strings.Join(e.Known, ", ")
}

// Fits reports whether the template of f, if it is one, can be filled in from values
// such as v: the error is a [*FieldError] if it asks for a field that v has not.
// What only the values themselves can tell, such as their number, is not looked at.
func (f Format) Fits(v any) (err error) {
	if f.tmpl == nil || v == nil {
		return nil
	}
	root := reflect.TypeOf(v)
	c := &fieldCheck{root: root}
	c.node(f.tmpl.Root, root)
	if c.err != nil { // a nil *FieldError is no nil error
		return c.err
	}
	return nil
}

// Fields are the fields of v as they are written in templates.
func Fields(v any) []string { return fieldsOf(reflect.TypeOf(v)) }

// A fieldCheck follows the types through a template. A nil type is one that is not
// known before there are values.
type fieldCheck struct {
	root reflect.Type
	err  *FieldError // the first
}

// node checks n, in which the dot is of type dot.
func (c *fieldCheck) node(n parse.Node, dot reflect.Type) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, kid := range n.Nodes {
			c.node(kid, dot)
		}
	case *parse.ActionNode:
		c.pipe(n.Pipe, dot)
	case *parse.TemplateNode:
		c.pipe(n.Pipe, dot)
	case *parse.IfNode:
		c.pipe(n.Pipe, dot)
		c.arms(&n.BranchNode, dot, dot)
	case *parse.WithNode:
		c.arms(&n.BranchNode, c.pipe(n.Pipe, dot), dot)
	case *parse.RangeNode:
		c.arms(&n.BranchNode, element(c.pipe(n.Pipe, dot)), dot)
	}
}

func (c *fieldCheck) arms(b *parse.BranchNode, then, otherwise reflect.Type) {
	c.node(b.List, then)
	c.node(b.ElseList, otherwise)
}

// pipe returns the type of what p yields.
func (c *fieldCheck) pipe(p *parse.PipeNode, dot reflect.Type) reflect.Type {
	if p == nil {
		return nil
	}
	var last reflect.Type
	for _, cmd := range p.Cmds {
		for i, arg := range cmd.Args {
			t := c.value(arg, dot)
			if i == 0 {
				last = t
			}
		}
		if len(cmd.Args) > 1 { // a method or a function with arguments
			last = nil
		}
	}
	return last
}

func (c *fieldCheck) value(n parse.Node, dot reflect.Type) reflect.Type {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.follow(dot, n.Ident)
	case *parse.ChainNode:
		return c.follow(c.value(n.Node, dot), n.Field)
	case *parse.PipeNode:
		return c.pipe(n, dot)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return c.follow(c.root, n.Ident[1:])
		}
	}
	return nil
}

// follow returns the type of the last of fields, each of them one of that before.
func (c *fieldCheck) follow(t reflect.Type, fields []string) reflect.Type {
	for _, name := range fields {
		if t == nil {
			return nil
		}
		if _, ok := t.MethodByName(name); ok {
			return nil
		}
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		} else if _, ok := reflect.PointerTo(t).MethodByName(name); ok {
			return nil
		}
		switch t.Kind() {
		case reflect.Interface:
			return nil
		case reflect.Map:
			t = t.Elem()
			continue
		case reflect.Struct:
			if f, ok := t.FieldByName(name); ok && f.IsExported() {
				t = f.Type
				continue
			}
		}
		if c.err == nil {
			c.err = &FieldError{Field: name, Meant: byKey(t, name), Known: fieldsOf(t)}
		}
		return nil
	}
	return t
}

// element is the type of what a range over t hands out.
func element(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem()
	}
	return nil
}

// fieldsOf are the fields of t with a dot before each, those of embedded structs too.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for _, f := range structFields(t) {
		names = append(names, "."+f.Name)
	}
	return names
}

// byKey is the field of t that is called key, or that JSON calls so, but for capitals.
func byKey(t reflect.Type, key string) string {
	for _, f := range structFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if strings.EqualFold(f.Name, key) || strings.EqualFold(name, key) {
			return f.Name
		}
	}
	return ""
}

func structFields(t reflect.Type) []reflect.StructField {
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous {
			fields = append(fields, f)
		}
	}
	return fields
}
