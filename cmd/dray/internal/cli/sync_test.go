package cli

import (
	"context"
	"errors"
	"testing"
)

// TestTurn: what is one image is copied by one at a time.
func TestTurn(t *testing.T) {
	s := &syncer{turns: map[string]chan struct{}{}}
	done, err := s.turn(t.Context(), "a@sha256:1")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.turn(ended, "a@sha256:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a second one has its turn: %v", err)
	}
	if other, err := s.turn(t.Context(), "b@sha256:1"); err != nil {
		t.Error(err)
	} else {
		other()
	}
	done()
	if again, err := s.turn(t.Context(), "a@sha256:1"); err != nil {
		t.Error(err)
	} else {
		again()
	}
}
