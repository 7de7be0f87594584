package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type advice struct{ text, hint string }

func (a advice) Error() string { return a.text }
func (a advice) Hint() string  { return a.hint }

func TestError(t *testing.T) {
	inner := advice{"refused", "log in\nfirst"}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"plain", errors.New("reading x: why"), "dray: reading x: why\n"},
		{"hint below", fmt.Errorf("pulling: %w", inner), "dray: pulling: refused\nhint: log in; first\n"},
		{"first hint that says something", errors.Join(advice{"a", ""}, fmt.Errorf("b: %w", inner), advice{"c", "no"}), "dray: a; b: refused; c\nhint: log in; first\n"},
		{"same fact joined", errors.Join(errors.New("cut"), errors.New("cut")), "dray: cut\n"},
		{"same fact wrapped", fmt.Errorf("open /x: %w", errors.New("open /x: no such file")), "dray: open /x: no such file\n"},
		{"same part in a row", errors.New("unavailable: unavailable: down"), "dray: unavailable: down\n"},
		{"hostile", errors.New("server said \x1b[2J\u202e"), "dray: server said \\x1b[2J\\u202e\n"},
		{"two hints, outer first", &wrapped{inner, "outer"}, "dray: refused\nhint: outer\n"},
	} {
		s, out, errs := Buffers("")
		s.Error(tt.err)
		if errs.String() != tt.want || out.Len() > 0 {
			t.Errorf("%s: %q, want %q", tt.name, errs, tt.want)
		}
	}
}

type wrapped struct {
	error
	hint string
}

func (w *wrapped) Hint() string  { return w.hint }
func (w *wrapped) Unwrap() error { return w.error }

func TestErrorIsBounded(t *testing.T) {
	s, _, errs := Buffers("")
	s.Error(errors.New(strings.Repeat("ä", maxLineBytes)))
	if errs.Len() > maxLineBytes+20 || !strings.HasSuffix(errs.String(), "ä…\n") {
		t.Errorf("%d bytes", errs.Len())
	}
}

func TestErrorColours(t *testing.T) {
	env := map[string]string{}
	s, _, errs := Buffers("")
	s.Getenv = func(k string) string { return env[k] }
	s.ErrIsTerminal = true
	for _, tt := range []struct{ key, value, want string }{
		{"TERM", "xterm", "\x1b[31mdray:\x1b[0m x\n"},
		{"TERM", "dumb", "dray: x\n"},
		{"CLICOLOR_FORCE", "1", "\x1b[31mdray:\x1b[0m x\n"},
		{"NO_COLOR", "1", "dray: x\n"},
	} {
		env[tt.key] = tt.value
		errs.Reset()
		s.Error(errors.New("x"))
		if errs.String() != tt.want {
			t.Errorf("%v: %q", env, errs)
		}
	}
}
