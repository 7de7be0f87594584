package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxTokenBytes bounds the answer of a token server.
const MaxTokenBytes = 1 << 20

// clientID is how a token server knows us.
const clientID = "dray"

// A TokenRequest is one question to a token server.
type TokenRequest struct {
	URL   *url.URL
	Basic string     // the Authorization header; may be empty
	Form  url.Values // to be posted; nil for a GET
}

// slot holds one token, and the turn of who fetches it.
type slot struct {
	turn       turn
	repository string
	scopes     []string
	header     string
	until      time.Time
}

// drop forgets the token that used shows.
func (a *Authority) drop(used string) {
	for _, s := range a.tokens {
		if s.header == used {
			s.header = ""
		}
	}
}

// extend remembers which scopes the registry wants beyond those we thought of.
func (a *Authority) extend(ask Ask, ch *Challenge) {
	for _, scope := range strings.Fields(ch.Params["scope"]) {
		if known := append(slices.Clone(ask.Scopes), a.extra[ask.key()]...); !covers(known, scope) {
			a.extra[ask.key()] = append(a.extra[ask.key()], scope)
		}
	}
}

func (k Ask) key() string { return k.Repository + "\n" + strings.Join(k.Scopes, " ") }

// slot returns where the token for ask lies or will lie.
func (a *Authority) slot(ask Ask) *slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	scopes := append(slices.Clone(ask.Scopes), a.extra[ask.key()]...)
	key := Ask{ask.Repository, scopes}.key()
	s, ok := a.tokens[key]
	if !ok {
		s = &slot{turn: newTurn(), repository: ask.Repository, scopes: scopes}
		a.tokens[key] = s
	}
	return s
}

// held returns a token that still holds for all that s is for.
func (a *Authority) held(s *slot) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.o.Now()
	for _, t := range a.tokens {
		if t.header != "" && t.repository == s.repository && coversAll(t.scopes, s.scopes) && now.Before(t.until) {
			return t.header
		}
	}
	return ""
}

func (a *Authority) token(ctx context.Context, ch *Challenge, cred Credential, ask Ask) (string, error) {
	s := a.slot(ask)
	if err := s.turn.take(ctx); err != nil {
		return "", err
	}
	defer s.turn.leave()
	if h := a.held(s); h != "" {
		return h, nil
	}
	r, err := newTokenRequest(ch, cred, s.scopes)
	if err != nil {
		return "", err
	}
	asked := a.o.Now()
	body, err := a.o.Fetch(ctx, r)
	if err != nil {
		return "", fmt.Errorf("asking %.300s for a token: %w", strconv.Quote(r.URL.Host), err)
	}
	token, life, err := parseToken(body)
	if err != nil {
		return "", fmt.Errorf("reading the token of %.300s: %w", strconv.Quote(r.URL.Host), err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.header = "Bearer " + token
	s.until = asked.Add(life - min(10*time.Second, life/4)) // renewed before it fails in mid-flight
	return s.header, nil
}

func newTokenRequest(ch *Challenge, cred Credential, scopes []string) (TokenRequest, error) {
	u, err := url.Parse(ch.Params["realm"])
	if err != nil || u.Host == "" {
		return TokenRequest{}, fmt.Errorf("its token server %.200q is no URL", ch.Params["realm"])
	}
	u.User, u.Fragment = nil, ""
	if cred.IdentityToken != "" {
		form := url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {cred.IdentityToken},
			"client_id": {clientID}, "service": {ch.Params["service"]},
		}
		if len(scopes) > 0 {
			form.Set("scope", strings.Join(scopes, " "))
		}
		return TokenRequest{URL: u, Form: form}, nil
	}
	q := u.Query()
	if service := ch.Params["service"]; service != "" {
		q.Set("service", service)
	}
	for _, scope := range scopes {
		q.Add("scope", scope)
	}
	if cred.Username != "" {
		q.Set("account", cred.Username)
	}
	u.RawQuery = q.Encode()
	return TokenRequest{URL: u, Basic: cred.basic()}, nil
}

// Tokens live a minute unless something else is said (the token specification),
// and never so long that the sum overflows.
const (
	defaultLife = time.Minute
	maxLife     = 24 * time.Hour
)

func parseToken(body []byte) (token string, life time.Duration, err error) {
	var answer struct {
		Token       string      `json:"token"`
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", 0, fmt.Errorf("it is no JSON of the right form")
	}
	token = answer.Token
	if token == "" {
		token = answer.AccessToken
	}
	if token == "" {
		return "", 0, errors.New("there is none in it")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", 0, errors.New("there are characters in it that no token has")
	}
	life = defaultLife
	if s, err := answer.ExpiresIn.Float64(); err == nil && s > 0 {
		life = time.Duration(min(s, maxLife.Seconds()) * float64(time.Second))
	}
	return token, life, nil
}
