package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const bearer = `Bearer realm="https://auth.example/token",service="reg"`

// office is a token server and a clock.
type office struct {
	cred Credential

	mu    sync.Mutex
	now   time.Time
	asked []TokenRequest
	creds int
	err   error
}

func (o *office) authority() *Authority {
	return New(Options{
		Credential: func(context.Context, string) (Credential, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.creds++
			return o.cred, nil
		},
		Fetch: func(_ context.Context, r TokenRequest) ([]byte, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.asked = append(o.asked, r)
			return fmt.Appendf(nil, `{"token":"t%d","expires_in":100}`, len(o.asked)), o.err
		},
		Now: func() time.Time {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.now
		},
	})
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func header(t *testing.T, a *Authority, ask Ask) string {
	t.Helper()
	h, err := a.Header(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func refused(t *testing.T, a *Authority, ask Ask, used string, headers ...string) bool {
	t.Helper()
	again, err := a.Refused(t.Context(), ask, used, headers)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

var pull = Ask{"a/b", []string{Pull("a/b")}}

func TestNothingDemanded(t *testing.T) {
	o := &office{}
	if h := header(t, o.authority(), pull); h != "" || o.creds > 0 || len(o.asked) > 0 {
		t.Errorf("%q, %d credentials, %d tokens asked for before the registry demanded any", h, o.creds, len(o.asked))
	}
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	o := &office{}
	a := o.authority()
	if !refused(t, a, pull, "", bearer) {
		t.Fatal("a bearer challenge is no way")
	}
	var got []string
	step := func() { got = append(got, header(t, a, pull)) }
	step()
	step() // kept
	o.pass(89 * time.Second)
	step()
	o.pass(2 * time.Second) // ten seconds before its end it is renewed
	step()
	refused(t, a, pull, "Bearer t2", bearer) // and when it is refused
	step()
	refused(t, a, pull, "Bearer t2", bearer) // another worker was as late with the old one
	step()
	want := []string{"Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2", "Bearer t3", "Bearer t3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if o.creds != 1 {
		t.Errorf("credentials were asked for %d times", o.creds)
	}
}

func TestWiderTokenDoesForLess(t *testing.T) {
	o := &office{}
	a := o.authority()
	push := Ask{"a/b", []string{Push("a/b")}}
	refused(t, a, push, "", bearer)
	if p, q := header(t, a, push), header(t, a, pull); p != q || len(o.asked) != 1 {
		t.Errorf("%q and %q", p, q)
	}
	if other := header(t, a, Ask{"c", []string{Pull("c")}}); other != "Bearer t2" {
		t.Errorf("another repository is shown %q", other)
	}
}

func TestScopesOfTheChallengeAreAdded(t *testing.T) {
	o := &office{}
	a := o.authority()
	refused(t, a, pull, "", bearer+`,scope="repository:a/b:pull repository:x:pull,push"`)
	header(t, a, pull)
	want := []string{"repository:a/b:pull", "repository:x:pull,push"}
	if diff := cmp.Diff(want, o.asked[0].URL.Query()["scope"]); diff != "" {
		t.Error(diff)
	}
}

func TestTokenRequests(t *testing.T) {
	for name, c := range map[string]struct {
		cred Credential
		want TokenRequest
	}{
		"anonymous": {Credential{}, TokenRequest{URL: parse("?scope=repository%3Aa%2Fb%3Apull&service=reg")}},
		"password": {
			Credential{Username: "u", Password: "p"},
			TokenRequest{URL: parse("?account=u&scope=repository%3Aa%2Fb%3Apull&service=reg"), Basic: "Basic dTpw"},
		},
		"identity token": {
			Credential{IdentityToken: "id"},
			TokenRequest{URL: parse(""), Form: url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {"id"}, "client_id": {"dray"},
				"service": {"reg"}, "scope": {"repository:a/b:pull"},
			}},
		},
	} {
		o := &office{cred: c.cred}
		a := o.authority()
		refused(t, a, pull, "", bearer)
		header(t, a, pull)
		if diff := cmp.Diff([]TokenRequest{c.want}, o.asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func parse(query string) *url.URL {
	u, err := url.Parse("https://auth.example/token" + query)
	if err != nil {
		panic(err)
	}
	return u
}

func TestOneFetchForMany(t *testing.T) {
	o := &office{}
	a := o.authority()
	refused(t, a, pull, "", bearer)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if h, err := a.Header(t.Context(), pull); h != "Bearer t1" || err != nil {
				t.Errorf("%q, %v", h, err)
			}
		})
	}
	wg.Wait()
	if len(o.asked) != 1 {
		t.Errorf("%d tokens were asked for", len(o.asked))
	}
}

func TestBasic(t *testing.T) {
	o := &office{cred: Credential{Username: "u", Password: "p"}}
	a := o.authority()
	if !refused(t, a, pull, "", `Basic realm="x"`) {
		t.Fatal("basic is no way, with a password")
	}
	if h := header(t, a, pull); h != "Basic dTpw" {
		t.Errorf("%q", h)
	}
	if refused(t, a, pull, "Basic dTpw", `Basic realm="x"`) {
		t.Error("a password that was refused is shown again")
	}
}

func TestNoWay(t *testing.T) {
	for name, c := range map[string]struct {
		cred    Credential
		headers []string
	}{
		"basic without a password": {headers: []string{`Basic realm="x"`}},
		"a scheme nobody knows":    {headers: []string{`Negotiate abc==`}},
		"bearer without a realm":   {headers: []string{`Bearer service="x"`}},
		"nothing":                  {},
	} {
		o := &office{cred: c.cred}
		if refused(t, o.authority(), pull, "", c.headers...) {
			t.Errorf("%s is a way", name)
		}
	}
}

func TestRegistryToken(t *testing.T) {
	o := &office{cred: Credential{RegistryToken: "r"}}
	a := o.authority()
	refused(t, a, pull, "", bearer)
	if h := header(t, a, pull); h != "Bearer r" || len(o.asked) > 0 {
		t.Errorf("%q", h)
	}
	if refused(t, a, pull, "Bearer r", bearer) {
		t.Error("a token that was refused is shown again")
	}
}

func TestBadRealm(t *testing.T) {
	a := (&office{}).authority()
	refused(t, a, pull, "", `Bearer realm="\x7f:"`)
	if _, err := a.Header(t.Context(), pull); err == nil || !strings.Contains(err.Error(), "no URL") {
		t.Errorf("got %v", err)
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	o := &office{err: errors.New("down")}
	a := o.authority()
	refused(t, a, pull, "", bearer)
	if _, err := a.Header(t.Context(), pull); !errors.Is(err, o.err) {
		t.Errorf("got %v", err)
	}
	o.err = nil
	if h := header(t, a, pull); h != "Bearer t2" {
		t.Errorf("%q", h)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	a := (&office{}).authority()
	refused(t, a, pull, "", bearer)
	s := a.slot(pull)
	if err := s.turn.take(t.Context()); err != nil { // somebody fetches, and takes long
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Header(ctx, pull); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.turn.leave()
}
