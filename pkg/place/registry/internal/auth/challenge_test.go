package auth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChallenges(t *testing.T) {
	bearer := Challenge{"bearer", map[string]string{"realm": "https://a/token", "service": "reg", "scope": "repository:a/b:pull,push"}}
	for name, c := range map[string]struct {
		headers []string
		want    []Challenge
	}{
		"bearer": {
			[]string{`Bearer realm="https://a/token",service="reg",scope="repository:a/b:pull,push"`},
			[]Challenge{bearer},
		},
		"blanks and case": {
			[]string{`bEaReR   Realm = "https://a/token" , SERVICE=reg, scope="repository:a/b:pull,push"`},
			[]Challenge{bearer},
		},
		"two in one header": {
			[]string{`Basic realm="x", Bearer realm="https://a/token",service="reg",scope="repository:a/b:pull,push"`},
			[]Challenge{{"basic", map[string]string{"realm": "x"}}, bearer},
		},
		"two headers": {
			[]string{`Negotiate`, `Basic realm=x`},
			[]Challenge{{"negotiate", map[string]string{}}, {"basic", map[string]string{"realm": "x"}}},
		},
		"escaped quote":        {[]string{`Basic realm="a \"b\", c"`}, []Challenge{{"basic", map[string]string{"realm": `a "b", c`}}}},
		"first value counts":   {[]string{`Basic realm=a, realm=b`}, []Challenge{{"basic", map[string]string{"realm": "a"}}}},
		"quote never closed":   {[]string{`Basic realm="a`}, []Challenge{{"basic", map[string]string{"realm": ""}}}},
		"parameter of nothing": {[]string{`realm="a", Basic`}, []Challenge{{"basic", map[string]string{}}}},
		"empty":                {[]string{"", " , ,"}, nil},
		"beyond the bound":     {[]string{"Basic x=" + strings.Repeat("a", maxChallengeBytes), "Basic"}, nil},
		"too many":             {[]string{strings.Repeat("Basic, ", 1000)}, repeat(Challenge{"basic", map[string]string{}}, maxChallenges)},
	} {
		if diff := cmp.Diff(c.want, ParseChallenges(c.headers)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func repeat(c Challenge, n int) []Challenge {
	list := make([]Challenge, n)
	for i := range list {
		list[i] = c
	}
	return list
}

func FuzzParseChallenges(f *testing.F) {
	for _, s := range []string{`Bearer realm="https://a/token",service="r"`, `Basic realm="\"`, `a=b`, `A "`, `A b==, C`, "A\x00=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := ParseChallenges([]string{s, s})
		if len(list) > maxChallenges {
			t.Errorf("%d challenges", len(list))
		}
		for _, c := range list {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) || len(c.Params) > maxParams {
				t.Errorf("%+v", c)
			}
		}
	})
}

func TestCoversAll(t *testing.T) {
	for _, c := range []struct {
		have, want string
		ok         bool
	}{
		{"repository:a:pull,push", "repository:a:pull", true},
		{"repository:a:pull", "repository:a:pull,push", false},
		{"repository:a:pull repository:b:pull", "repository:b:pull", true},
		{"repository:a:pull", "repository:b:pull", false},
		{"repository:a/b:5000:pull", "repository:a/b:5000:pull", true},
		{"repository:a:pull", "", false},
		{"", "", true},
		{"", "registry:catalog:*", false},
	} {
		if got := coversAll(strings.Fields(c.have), strings.Fields(c.want)); got != c.ok {
			t.Errorf("coversAll(%q, %q) = %v", c.have, c.want, got)
		}
	}
}

func TestParseToken(t *testing.T) {
	for name, c := range map[string]struct {
		body, token string
		life        string
		ok          bool
	}{
		"token":              {`{"token":"t","expires_in":300}`, "t", "5m0s", true},
		"access_token":       {`{"access_token":"t"}`, "t", "1m0s", true},
		"both":               {`{"token":"t","access_token":"u"}`, "t", "1m0s", true},
		"life as a string":   {`{"token":"t","expires_in":"90"}`, "t", "1m30s", true},
		"life too long":      {`{"token":"t","expires_in":1e300}`, "t", "24h0m0s", true},
		"life below zero":    {`{"token":"t","expires_in":-5}`, "t", "1m0s", true},
		"none":               {`{}`, "", "0s", false},
		"no JSON":            {`<html>`, "", "0s", false},
		"a header within":    {`{"token":"t\r\nX: y"}`, "", "0s", false},
		"letters beyond":     {`{"token":"tö"}`, "", "0s", false},
		"not the right type": {`{"token":7}`, "", "0s", false},
	} {
		token, life, err := parseToken([]byte(c.body))
		if err == nil != c.ok || c.ok && (token != c.token || life.String() != c.life) {
			t.Errorf("%s: %q %v %v", name, token, life, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(`{"token":"t","expires_in":300}`)
	f.Add(`{"access_token":"t","expires_in":"1e9"}`)
	f.Fuzz(func(t *testing.T, s string) {
		token, life, err := parseToken([]byte(s))
		if err == nil && (token == "" || strings.ContainsAny(token, "\r\n ") || life <= 0 || life > maxLife) {
			t.Errorf("%q %v", token, life)
		}
	})
}

func TestCredentialHidesSecrets(t *testing.T) {
	c := Credential{Username: "u", Password: "secret", IdentityToken: "secret", RegistryToken: "secret"}
	if s := c.String() + c.GoString(); strings.Contains(s, "secret") {
		t.Error(s)
	}
}
