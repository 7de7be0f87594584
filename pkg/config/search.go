package config

import (
	"context"
	"fmt"
)

// Step is one thing that a search for a credential looked at. It holds no secret.
type Step struct {
	Source  string `json:"source"`        // a file, a helper, or "command line"
	Key     string `json:"key,omitempty"` // what was looked up there; empty for the file as a whole
	Outcome string `json:"outcome"`       // "read", "no such file", "no entry", …
	Won     bool   `json:"won,omitempty"`
}

// Explain says how [Config.Credential] comes to its answer: what was looked at, in which
// order, up to the credential that won. If none did, access is anonymous.
func (c *Config) Explain(ctx context.Context, host, repository string) ([]Step, error) {
	s, err := c.search(ctx, host, repository)
	return s.steps, err
}

const givenSource = "command line"

type search struct {
	c     *Config
	steps []Step
	found Credential
}

func (c *Config) search(ctx context.Context, host, repository string) (*search, error) {
	s := &search{c: c}
	keys := lookupKeys(host, repository)
	if s.given(keys) {
		return s, ctx.Err()
	}
	docs := c.loadAuth()
	for _, d := range docs {
		s.note(Step{Source: d.path, Outcome: d.state()})
	}
	for _, key := range keys {
		for _, d := range docs {
			if err := s.look(ctx, d, key); err != nil || !s.found.Anonymous() {
				return s, err
			}
		}
	}
	return s, ctx.Err()
}

func (s *search) note(st Step) { s.steps = append(s.steps, st) }

func (s *search) win(cr Credential, outcome string) {
	s.note(Step{Source: cr.Source, Key: cr.Key, Outcome: outcome, Won: true})
	s.found = cr
}

func (s *search) given(keys []string) bool {
	for _, key := range keys {
		for _, cr := range s.c.opts.Given {
			if normalKey(cr.Key) == key && cr.Key != "" && !cr.Anonymous() {
				cr.Key, cr.Source = key, givenSource
				s.win(cr, "given")
				return true
			}
		}
	}
	return false
}

// look asks one file about one key: its helper first, then its own entry.
func (s *search) look(ctx context.Context, d *authDoc, key string) error {
	if d.err != nil {
		return nil // told when it was loaded
	}
	if h, ok := d.helper(key); ok {
		if err := s.ask(ctx, d, h, key); err != nil || !s.found.Anonymous() {
			return err
		}
	}
	cr, err := d.entry(key)
	switch _, written := d.byKey[key]; {
	case err != nil:
		s.c.warn(err)
		s.note(Step{Source: d.path, Key: key, Outcome: err.Error()})
	case !cr.Anonymous():
		s.win(cr, "entry")
	case written:
		s.note(Step{Source: d.path, Key: key, Outcome: "empty entry"})
	default:
		s.note(Step{Source: d.path, Key: key, Outcome: "no entry"})
	}
	return nil
}

func (s *search) ask(ctx context.Context, d *authDoc, h helper, key string) error {
	cr, err := s.c.askHelper(ctx, h)
	source := fmt.Sprintf("%s (%s)", h.program(), d.path)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		s.c.warn(&problem{fmt.Errorf("asking for credentials of %s: %w", key, err), h.hint(d.path)})
		s.note(Step{Source: source, Key: key, Outcome: err.Error()})
	case cr.Anonymous():
		s.note(Step{Source: source, Key: key, Outcome: "nothing stored"})
	default:
		cr.Key, cr.Source = key, source
		s.win(cr, "helper")
	}
	return nil
}

// loadAuth reads the files, once, and tells what is wrong with them.
func (c *Config) loadAuth() []*authDoc {
	c.mu.Lock()
	if c.docs == nil {
		c.docs = []*authDoc{}
		for _, f := range c.opts.authFiles() {
			c.docs = append(c.docs, f.load())
		}
	}
	docs := c.docs
	c.mu.Unlock()
	for _, d := range docs {
		if d.err != nil && (d.named || !d.missing()) {
			c.warn(d.err)
		}
	}
	return docs
}

func (d *authDoc) state() string {
	switch {
	case d.err == nil:
		return "read"
	case d.missing():
		return "no such file"
	default:
		return d.err.Error()
	}
}
