package config

import (
	"context"
	"time"
)

// An answer is kept for a while: one helper run for the many blobs of a pull, yet the
// hour-long tokens of cloud helpers are renewed in a transfer of hours.
const answerLife = 5 * time.Minute

// answer is what a helper said, success or not.
type answer struct {
	turn chan struct{} // holds one token: who has it may ask
	at   time.Time
	cr   Credential
	err  error
}

// askHelper returns what the helper holds. Callers at once share one run; an interrupted run
// is nobody's answer.
func (c *Config) askHelper(ctx context.Context, h helper) (Credential, error) {
	c.mu.Lock()
	a, ok := c.answers[h]
	if !ok {
		a = &answer{turn: make(chan struct{}, 1)}
		c.answers[h] = a
	}
	c.mu.Unlock()
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	}
	if a.at.IsZero() || c.now().Sub(a.at) > answerLife {
		cr, err := h.get(ctx, c.helperTimeout)
		if ctx.Err() != nil {
			return Credential{}, ctx.Err()
		}
		a.at, a.cr, a.err = c.now(), cr, err
	}
	return a.cr, a.err
}
