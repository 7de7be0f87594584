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
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := checkValue(dec, reflect.TypeOf(v), 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON document")
	}
	return json.Unmarshal(raw, v)
}

// checkValue reads one JSON value, which will be decoded into a t (nil: unknown).
func checkValue(dec *json.Decoder, t reflect.Type, depth int) error {
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
		return checkObject(dec, t, depth)
	}
	for dec.More() {
		if err := checkValue(dec, element(t), depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return noEOF(err)
}

func checkObject(dec *json.Decoder, t reflect.Type, depth int) error {
	known, seen := fields(t), map[string]bool{}
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
		if err := checkValue(dec, field, depth+1); err != nil {
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
