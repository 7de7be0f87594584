package ui

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestConfirm(t *testing.T) {
	for in, want := range map[string]bool{"y\n": true, " YES \n": true, "n\n": false, "\n": false, "yep\n": false} {
		s, out, errs := Buffers(in)
		s.InIsTerminal = true
		got, err := s.Confirm(t.Context(), "Sure?")
		if err != nil || got != want || errs.String() != "Sure? [y/N] " || out.Len() > 0 {
			t.Errorf("%q: %v, %v, %q", in, got, err, errs)
		}
	}
	s, _, _ := Buffers("y\n")
	if ok, err := s.Confirm(t.Context(), "Sure?"); ok || !errors.Is(err, ErrNoTerminal) {
		t.Errorf("no terminal: %v, %v", ok, err)
	}
	s, _, _ = Buffers("y")
	s.InIsTerminal = true
	if ok, err := s.Confirm(t.Context(), "Sure?"); ok || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("input ended: %v, %v", ok, err)
	}
}

func TestAskStopsWithContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	s, _, _ := Buffers("")
	s.In, s.InIsTerminal = r, true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ReadLine(ctx, "Username: "); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestReadPassword(t *testing.T) {
	s, _, _ := Buffers("secret\n")
	if _, err := s.ReadPassword(t.Context(), "Password: "); !errors.Is(err, ErrNoTerminal) {
		t.Error(err)
	}
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"secret\n", "secret", true},
		{"secret\r\n", "secret", true},
		{"two\nlines \n\n", "two\nlines \n", true},
		{"secret", "secret", true},
		{"\n", "", false},
		{"", "", false},
		{strings.Repeat("x", maxPasswordBytes), strings.Repeat("x", maxPasswordBytes), true},
		{strings.Repeat("x", maxPasswordBytes+1), "", false},
	} {
		s, _, _ := Buffers(tt.in)
		got, err := s.ReadPasswordStdin()
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%.20q: %.20q, %v", tt.in, got, err)
		}
	}
}
