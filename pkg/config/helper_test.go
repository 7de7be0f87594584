package config

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestHelpers(t *testing.T) {
	helpers(t, "ok", "token", "empty", "keep", "broken", "leaky", "garbage", "flood", "slow")
	for _, tt := range []struct {
		name, config, host string
		user               string
		warning            string
	}{
		{"for the host", `{"credHelpers":{"quay.io":"ok"}}`, "quay.io", "user of quay.io", ""},
		{"for every host", `{"credsStore":"ok"}`, "ghcr.io", "user of ghcr.io", ""},
		{"the Hub by docker's word", `{"credsStore":"ok"}`, "docker.io", "user of " + hubServer, ""},
		{"the Hub as the file has it", `{"credHelpers":{"docker.io":"ok"}}`, "docker.io", "user of docker.io", ""},
		{"the host's own before the store", `{"credsStore":"broken","credHelpers":{"quay.io":"ok"}}`, "quay.io", "user of quay.io", ""},
		{"the host's own turns the store off", `{"credsStore":"broken","credHelpers":{"quay.io":""}}`, "quay.io", "", ""},
		{"nothing stored", `{"credsStore":"keep"}`, "quay.io", "", ""},
		{"nothing stored, said with success", `{"credsStore":"empty"}`, "quay.io", "", ""},
		{"nothing stored, an entry", `{"credsStore":"keep","auths":{` + entry("quay.io", "d") + `}}`, "quay.io", "d", ""},
		{"broken", `{"credsStore":"broken"}`, "quay.io", "", `running docker-credential-broken get: exit status 1: "keychain is locked"`},
		{"broken, an entry", `{"credsStore":"broken","auths":{` + entry("quay.io", "d") + `}}`, "quay.io", "d", "keychain is locked"},
		{"not installed", `{"credsStore":"desktop.exe"}`, "quay.io", "", "executable file not found"},
		{"fails and shows the secret", `{"credsStore":"leaky"}`, "quay.io", "", `exit status 1: "see above"`},
		{"answers something else", `{"credsStore":"garbage"}`, "quay.io", "", "its answer: not valid JSON"},
		{"answers without end", `{"credsStore":"flood"}`, "quay.io", "", "too large: over 1048576 bytes"},
		{"a path for a name", `{"credsStore":"../ok"}`, "quay.io", "", "not a name of a helper"},
		{"a command line for a name", `{"credsStore":"ok; rm"}`, "quay.io", "", "not a name of a helper"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w warnings
			c := New(at(tree(t, map[string]string{".docker/config.json": tt.config}), &w))
			for range 2 {
				cr, err := c.Credential(t.Context(), tt.host, "a/b")
				if err != nil || cr.Username != tt.user {
					t.Errorf("%q, %v", cr.Username, err)
				}
			}
			if tt.warning == "" {
				w.none(t)
				return
			}
			w.only(t, tt.warning)
			mustNotContain(t, "warning", []byte(w.errs[0].Error()), helperSecret)
		})
	}
}

func TestHelperToken(t *testing.T) {
	helpers(t, "token")
	c := New(at(tree(t, map[string]string{".docker/config.json": `{"credsStore":"token"}`}), &warnings{}))
	cr, err := c.Credential(t.Context(), "quay.io", "a")
	if err != nil || cr.Username != "" || cr.IdentityToken.Reveal() != helperSecret || !cr.Password.IsZero() {
		t.Errorf("%+v, %v", cr, err)
	}
}

func TestSlowHelper(t *testing.T) {
	helpers(t, "slow")
	var w warnings
	c := New(at(tree(t, map[string]string{".docker/config.json": `{"credsStore":"slow"}`}), &w))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Credential(ctx, "quay.io", "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	w.none(t)
	c.helperTimeout = 20 * time.Millisecond
	if cr, err := c.Credential(t.Context(), "quay.io", "a"); err != nil || !cr.Anonymous() {
		t.Errorf("too slow: %+v, %v", cr, err)
	}
	w.only(t, "no answer within 20ms")
}

// Many callers share one run; it is asked again when the answer is old.
func TestHelperRunsOnce(t *testing.T) {
	kept := helpers(t, "keep")
	c := New(at(tree(t, map[string]string{".docker/config.json": `{"credsStore":"keep"}`}), &warnings{}))
	now := time.Unix(0, 0).Add(time.Hour)
	c.now = func() time.Time { return now }
	ask := func() {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.Credential(context.Background(), "quay.io", "a/b/c"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	runs := func() int { return strings.Count(string(read(t, filepath.Join(kept, "log"))), "get") }
	ask()
	if n := runs(); n != 1 {
		t.Errorf("%d runs", n)
	}
	now = now.Add(answerLife + time.Second)
	ask()
	if n := runs(); n != 2 {
		t.Errorf("%d runs after a while", n)
	}
}

func TestBounded(t *testing.T) {
	b := &bounded{}
	for range 3 {
		if n, err := b.Write(make([]byte, maxHelperBytes/2+1)); err != nil || n != maxHelperBytes/2+1 {
			t.Fatal(n, err)
		}
	}
	if b.buf.Len() != maxHelperBytes || !b.full {
		t.Errorf("%d bytes, full %v", b.buf.Len(), b.full)
	}
}
