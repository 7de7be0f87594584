package config

import (
	"fmt"
	"io"
)

const redacted = "[secret]"

// Secret is a password or a token. However it is printed, logged or marshalled, alone or
// deep inside another value, its text does not show; only [Secret.Reveal] gives it. The
// zero Secret is empty.
type Secret struct {
	// A pointer, since fmt calls no method of a value behind an unexported field: it then
	// prints an address.
	text *string
}

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal reports whether both have the same text.
func (s Secret) Equal(o Secret) bool { return s.Reveal() == o.Reveal() }

// String returns a placeholder; nothing for an empty secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format writes the placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns the placeholder, for JSON and for logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
