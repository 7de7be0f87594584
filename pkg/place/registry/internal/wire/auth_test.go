package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
)

// office is a registry that wants the newest of the tokens it hands out.
type office struct {
	realm  string // of the token server; empty: its own
	issued int
	asked  []*http.Request
	forms  []string
	log    []string // of the registry: method and authorization
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		form, _ := io.ReadAll(r.Body)
		o.asked, o.forms = append(o.asked, r), append(o.forms, string(form))
		o.issued++
		_, _ = fmt.Fprintf(w, `{"token":"t%d"}`, o.issued)
		return
	}
	shown := r.Header.Get("Authorization")
	o.log = append(o.log, r.Method+" "+shown)
	if o.issued == 0 || shown != fmt.Sprintf("Bearer t%d", o.issued) {
		realm := o.realm
		if realm == "" {
			realm = "http://" + r.Host + "/token"
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="reg"`, realm))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	b, _ := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%d bytes", len(b))
}

func pull(path string) *Request {
	r := get(path)
	r.Repository, r.Scopes = "a/b", []string{auth.Pull("a/b")}
	return r
}

func TestBearer(t *testing.T) {
	o := &office{}
	h := host(t, server(t, o.ServeHTTP), Options{})
	want(t, h, pull("/v2/a/b/x"), "0 bytes")
	want(t, h, pull("/v2/a/b/y"), "0 bytes")
	if got := strings.Join(o.log, "; "); got != "GET ; GET ; GET Bearer t1; GET Bearer t1" { // the first is the ping
		t.Errorf("the registry saw %q", got)
	}
	if q := o.asked[0].URL.Query(); q.Get("scope") != "repository:a/b:pull" || q.Get("service") != "reg" {
		t.Errorf("the token server was asked %q", o.asked[0].URL)
	}
}

// TestTokenExpiresDuringUpload: the same upload goes on with a new token, its body from the start.
func TestTokenExpiresDuringUpload(t *testing.T) {
	for _, size := range []int{10, expectBytes + 10} {
		o := &office{}
		h := host(t, server(t, o.ServeHTTP), Options{})
		want(t, h, pull("/v2/a/b/x"), "0 bytes")
		o.issued++ // what it handed out before is no good any more
		r := sending(http.MethodPatch, "/v2/a/b/blobs/uploads/1", make([]byte, size))
		r.Repository, r.Scopes = "a/b", []string{auth.Pull("a/b")}
		want(t, h, r, fmt.Sprintf("%d bytes", size))
	}
}

func TestIdentityToken(t *testing.T) {
	o := &office{}
	h := host(t, server(t, o.ServeHTTP), Options{
		Credentials: func(_ context.Context, host, repository string) (auth.Credential, error) {
			if repository != "a/b" {
				t.Errorf("asked for %s %s", host, repository)
			}
			return auth.Credential{IdentityToken: "id"}, nil
		},
	})
	want(t, h, pull("/v2/a/b/x"), "0 bytes")
	if o.asked[0].Method != http.MethodPost || !strings.Contains(o.forms[0], "refresh_token=id") {
		t.Errorf("%s %q", o.asked[0].Method, o.forms[0])
	}
}

func TestBasic(t *testing.T) {
	var seen []string
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		seen = append(seen, user)
		if password != "p" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	password := "p"
	o := Options{Credentials: func(context.Context, string, string) (auth.Credential, error) {
		return auth.Credential{Username: "u", Password: password}, nil
	}}
	h := host(t, s, o)
	want(t, h, get("/v2/x"), "")
	want(t, h, get("/v2/x"), "")
	if got := strings.Join(seen, ","); got != ",,u,u" { // ping, unasked, asked, and from then on at once
		t.Errorf("the registry saw %q", got)
	}
	seen, password = nil, "wrong"
	err := fails(t, host(t, s, o), get("/v2/x"), place.ErrDenied)
	if strings.Join(seen, ",") != ",,u" {
		t.Errorf("a wrong password is shown more than once: %q", seen)
	}
	if !strings.Contains(hint(err), "dray login 127.0.0.1:") {
		t.Errorf("hint %q", hint(err))
	}
}

// TestBrokenCredentials: what cannot be read is told, and a public image still comes.
func TestBrokenCredentials(t *testing.T) {
	broken := errors.New("helper not found")
	var l log
	h := host(t, server(t, (&office{}).ServeHTTP), Options{
		Credentials: func(context.Context, string, string) (auth.Credential, error) { return auth.Credential{}, broken },
		Events:      l.handle,
	})
	want(t, h, pull("/v2/a/b/x"), "0 bytes")
	if warned := l.all(event.Warn); len(warned) != 1 || !errors.Is(warned[0].Err, broken) {
		t.Errorf("warned %v", warned)
	}
}

// TestRealmElsewhere: plain http on another origin is not asked, and so sees no password.
func TestRealmElsewhere(t *testing.T) {
	asked := 0
	thief := server(t, func(http.ResponseWriter, *http.Request) { asked++ })
	o := &office{realm: thief.URL + "/token"}
	reg := server(t, o.ServeHTTP)
	cred := func(context.Context, string, string) (auth.Credential, error) {
		return auth.Credential{Username: "u", Password: "secret"}, nil
	}
	err := fails(t, host(t, reg, Options{Credentials: cred}), pull("/v2/a/b/x"), place.ErrDenied)
	if asked > 0 || !strings.Contains(hint(err), "--allow-host") || strings.Contains(err.Error(), "secret") {
		t.Errorf("asked %d times: %v (%s)", asked, err, hint(err))
	}
	_, err = read(t, host(t, reg, Options{Credentials: cred, AllowHosts: []string{hostOf(thief)}}), pull("/v2/a/b/x"))
	if asked != 1 {
		t.Errorf("allowed, it is asked %d times: %v", asked, err)
	}
}

// TestTokenServerRedirects: the password stays where it was meant to go; a form is not sent on at all.
func TestTokenServerRedirects(t *testing.T) {
	for name, cred := range map[string]auth.Credential{
		"password":       {Username: "u", Password: "secret"},
		"identity token": {IdentityToken: "secret"},
	} {
		var leaked []string
		thief := server(t, func(w http.ResponseWriter, r *http.Request) {
			form, _ := io.ReadAll(r.Body)
			leaked = append(leaked, r.Header.Get("Authorization")+string(form))
			_, _ = io.WriteString(w, `{"token":"x"}`)
		})
		s := server(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
				return
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
		})
		h := host(t, s, Options{Credentials: func(context.Context, string, string) (auth.Credential, error) { return cred, nil }})
		if _, err := read(t, h, pull("/v2/a/b/x")); err == nil {
			t.Errorf("%s: no error", name)
		}
		if strings.Join(leaked, "") != "" {
			t.Errorf("%s: another host saw %q", name, leaked)
		}
	}
}

func TestEndlessToken(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, err := w.Write([]byte(`{"token":"`)); err == nil; {
			_, err = w.Write(make([]byte, 64<<10))
		}
	})
	fails(t, host(t, s, Options{}), pull("/v2/a/b/x"), place.ErrInvalid)
}

func TestTokenServerDown(t *testing.T) {
	tries := 0
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			tries++
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	})
	fails(t, host(t, s, Options{Retries: 2}), pull("/v2/a/b/x"), place.ErrUnavailable)
	if tries != 3 {
		t.Errorf("%d tries with 2 retries", tries)
	}
}
