package far

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Protocol names the protocol with its version. Both ends must speak the same.
const Protocol = "dray-far-1"

// Bounds of what the other end may say at once. A plan holds all manifests and
// configs of a transfer, at most 256 MiB, which base64 makes a third larger.
const (
	maxDocBytes   = 16 << 20
	maxPlanBytes  = 400 << 20
	maxListBytes  = 512 << 20 // of all lines together
	maxTextBytes  = 4 << 10
	maxOpenPlaces = 1024
)

// What is said.
type (
	openQuestion struct {
		Place string `json:"place"`
		Write bool   `json:"write"`
		Form  string `json:"form,omitempty"` // of an archive that is written
	}
	openAnswer struct {
		ID     string       `json:"id"`
		Name   string       `json:"name"`            // what to resolve for what was named
		Traits place.Traits `json:"traits"`          // of a sink
		Host   string       `json:"host,omitempty"`  // the platform of the far host
		Lists  bool         `json:"lists,omitempty"` // a sink: resolves and removes too
		Plans  bool         `json:"plans,omitempty"`
	}
	nameQuestion struct {
		Name string `json:"name"`
	}
	blobQuestion struct {
		Blob   v1.Descriptor `json:"blob"`
		Offset int64         `json:"offset,omitempty"`
		Length int64         `json:"length,omitempty"`
	}
	blobsDoc struct {
		Blobs []v1.Descriptor `json:"blobs"`
	}
	commitQuestion struct {
		Root  v1.Descriptor `json:"root"`
		Names []string      `json:"names"`
	}
	planQuestion struct {
		Roots    []place.Root      `json:"roots"`
		Blobs    []v1.Descriptor   `json:"blobs"`
		Docs     map[string][]byte `json:"docs"`
		Platform *v1.Platform      `json:"platform,omitempty"`
	}
	hasAnswer struct {
		Has bool `json:"has"`
	}
	// A putLine is one line of the answer to /put: bytes are wanted, or it has ended.
	putLine struct {
		Want   string   `json:"want,omitempty"` // what to call them
		Offset int64    `json:"offset,omitempty"`
		Length int64    `json:"length,omitempty"`
		Done   bool     `json:"done,omitempty"`
		Failed *failure `json:"failed,omitempty"`
	}
	// A listLine is one line of the answer to /list.
	listLine struct {
		Name   string         `json:"name,omitempty"`
		Root   *v1.Descriptor `json:"root,omitempty"`
		Done   bool           `json:"done,omitempty"`
		Failed *failure       `json:"failed,omitempty"`
	}
)

// A failure is an error on its way.
type failure struct {
	Text    string   `json:"text"`
	Kind    string   `json:"kind,omitempty"` // one of kinds
	Hint    string   `json:"hint,omitempty"`
	Name    string   `json:"name,omitempty"` // of a place.ChoiceError
	Choices []string `json:"choices,omitempty"`
}

// kinds are the errors that decide how dray exits.
func kinds() map[string]error {
	return map[string]error{
		"not found": place.ErrNotFound, "denied": place.ErrDenied, "unavailable": place.ErrUnavailable,
		"invalid": place.ErrInvalid, "unsupported": place.ErrUnsupported,
		"mismatch": blob.ErrMismatch, "offset": blob.ErrOffset,
	}
}

func failed(err error) *failure {
	f := &failure{Text: cut(err.Error())}
	for kind, is := range kinds() {
		if errors.Is(err, is) && (f.Kind == "" || kind < f.Kind) {
			f.Kind = kind
		}
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		f.Hint = cut(hinted.Hint())
	}
	var choice *place.ChoiceError
	if errors.As(err, &choice) {
		f.Kind, f.Name, f.Choices = "choice", choice.Name, choice.Choices[:min(len(choice.Choices), 1000)]
	}
	return f
}

func cut(s string) string { return s[:min(len(s), maxTextBytes)] }

// err makes an error of f again, which came from the end called at.
func (f *failure) err(at string) error {
	if f.Kind == "choice" {
		return &place.ChoiceError{Name: f.Name, Choices: f.Choices}
	}
	return &Error{at: at, text: cut(f.Text), hint: cut(f.Hint), kind: kinds()[f.Kind]}
}

// An Error is what went wrong at the other end. It wraps the same error of packages
// place and blob as there.
type Error struct {
	at, text, hint string
	kind           error // may be nil
}

func (e *Error) Error() string { return e.at + ": " + e.text }
func (e *Error) Unwrap() error { return e.kind }

// Hint is what the other end advises; it may be empty.
func (e *Error) Hint() string { return e.hint }

// readDoc reads the only JSON document of r.
func readDoc(r io.Reader, most int64, into any) error {
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if int64(len(raw)) > most {
		return fmt.Errorf("more than %d bytes: %w", most, place.ErrInvalid)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return nil
}

// readAnswer reads the only JSON document of r as what comes from outside is read.
func readAnswer(r io.Reader, into any) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxDocBytes+1))
	if err != nil {
		return err
	}
	if int64(len(raw)) > maxDocBytes {
		return fmt.Errorf("more than %d bytes: %w", maxDocBytes, place.ErrInvalid)
	}
	if err := manifest.Decode(raw, into); err != nil {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return nil
}

func fail(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(failed(err)) // who does not read it has gone
}
