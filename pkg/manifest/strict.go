package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Decode parses raw, one JSON document and nothing after it, into v. Unlike
// [json.Unmarshal] it refuses keys that differ from a field of v only in case,
// keys that stand twice in one object, and values nested too deep.
func Decode(raw []byte, v any) error {
	dec := &checker{Decoder: json.NewDecoder(bytes.NewReader(raw)), known: map[reflect.Type]map[string]reflect.Type{}}
	dec.UseNumber()
	if err := dec.value(reflect.TypeOf(v), 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON document")
	}
	return json.Unmarshal(raw, v)
}

// A checker reads a document for what json.Unmarshal would let pass.
type checker struct {
	*json.Decoder
	known map[reflect.Type]map[string]reflect.Type // what fields returned
}

// value reads one JSON value, which will be decoded into a t (nil: unknown).
func (dec *checker) value(t reflect.Type, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("JSON nested deeper than %d", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return noEOF(err)
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	if delim == '{' {
		return dec.object(t, depth)
	}
	for n := 0; dec.More(); n++ {
		if n == maxElements {
			return fmt.Errorf("more than %d values in one JSON array", maxElements)
		}
		if err := dec.value(element(t), depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return noEOF(err)
}

func (dec *checker) object(t reflect.Type, depth int) error {
	known, ok := dec.known[t]
	if !ok {
		known = fields(t)
		dec.known[t] = known
	}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return noEOF(err)
		}
		key, _ := tok.(string)
		if seen[key] {
			return fmt.Errorf("key %.100q stands twice in one object", key)
		}
		seen[key] = true
		field, exact := known[key]
		if !exact {
			for name := range known {
				if strings.EqualFold(name, key) {
					return fmt.Errorf("key %.100q is not spelled %q", key, name)
				}
			}
			field = element(t)
		}
		if err := dec.value(field, depth+1); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return noEOF(err)
}

// noEOF keeps a document that ends too soon from passing for a clean end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fields returns the JSON keys of the struct that t is or points at, with their types.
func fields(t reflect.Type) map[string]reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	m := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name != "":
			m[name] = f.Type
		default:
			m[f.Name] = f.Type
		}
	}
	return m
}

// element returns the type of the elements of a slice or map, else nil.
func element(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || (t.Kind() != reflect.Slice && t.Kind() != reflect.Map) {
		return nil
	}
	return t.Elem()
}
