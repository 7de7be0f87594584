package auth

import (
	"context"
	"sync"
	"time"
)

// Options of an [Authority]. All are required.
type Options struct {
	// Credential returns what to show for a repository. It is asked once for
	// each, and only when the server demands something.
	Credential func(ctx context.Context, repository string) (Credential, error)
	// Fetch asks the token server, whose address is the registry's to say and the
	// fetcher's to judge. It returns the body of a good answer.
	Fetch func(ctx context.Context, r TokenRequest) ([]byte, error)
	Now   func() time.Time
}

// An Ask says for what authority is wanted.
type Ask struct {
	Repository string   // whose credential to use; empty for the registry as a whole
	Scopes     []string // what is to be done
}

// An Authority keeps what one registry has demanded and handed out. It is safe
// for concurrent use; of several that want the same token one fetches it.
type Authority struct {
	o Options

	mu        sync.Mutex
	challenge *Challenge // the last one; nil while the registry has demanded nothing
	extra     map[string][]string
	tokens    map[string]*slot
	creds     map[string]*credSlot
}

type credSlot struct {
	turn turn
	done bool
	cred Credential
}

// New returns an Authority that knows nothing yet.
func New(o Options) *Authority {
	return &Authority{o: o, extra: map[string][]string{}, tokens: map[string]*slot{}, creds: map[string]*credSlot{}}
}

// Header returns the Authorization header for ask, empty as long as the registry
// has demanded nothing, or there is nothing to show.
func (a *Authority) Header(ctx context.Context, ask Ask) (string, error) {
	a.mu.Lock()
	ch := a.challenge
	a.mu.Unlock()
	if ch == nil {
		return "", nil
	}
	cred, err := a.credential(ctx, ask.Repository)
	switch {
	case err != nil:
		return "", err
	case ch.Scheme == "basic":
		return cred.basic(), nil
	case cred.RegistryToken != "":
		return "Bearer " + cred.RegistryToken, nil
	}
	return a.token(ctx, ch, cred, ask)
}

// Refused takes note that the registry answered 401, with these
// WWW-Authenticate headers, to a request that carried used. It reports whether
// the next Header may be better.
func (a *Authority) Refused(ctx context.Context, ask Ask, used string, headers []string) (bool, error) {
	cred, err := a.credential(ctx, ask.Repository)
	if err != nil {
		return false, err
	}
	ch := choose(ParseChallenges(headers), cred)
	if ch == nil {
		return false, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.challenge = ch
	if ch.Scheme == "basic" {
		return used != cred.basic(), nil
	}
	if cred.RegistryToken != "" {
		return used != "Bearer "+cred.RegistryToken, nil
	}
	a.drop(used)
	a.extend(ask, ch)
	return true, nil
}

// choose takes bearer tokens before passwords, and basic only with a password.
func choose(list []Challenge, cred Credential) *Challenge {
	for _, c := range list {
		if c.Scheme == "bearer" && (c.Params["realm"] != "" || cred.RegistryToken != "") {
			return &c
		}
	}
	for _, c := range list {
		if c.Scheme == "basic" && cred.basic() != "" {
			return &c
		}
	}
	return nil
}

func (a *Authority) credential(ctx context.Context, repository string) (Credential, error) {
	a.mu.Lock()
	s, ok := a.creds[repository]
	if !ok {
		s = &credSlot{turn: newTurn()}
		a.creds[repository] = s
	}
	a.mu.Unlock()
	if err := s.turn.take(ctx); err != nil {
		return Credential{}, err
	}
	defer s.turn.leave()
	if !s.done {
		cred, err := a.o.Credential(ctx, repository)
		if err != nil {
			return Credential{}, err
		}
		s.cred, s.done = cred, true
	}
	return s.cred, nil
}

// A turn is a lock that can be waited for with a context.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) leave() { <-t }
