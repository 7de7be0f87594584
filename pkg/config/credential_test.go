package config

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func basic(user, password string) string {
	return fmt.Sprintf(`{"auth":%q}`, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func auths(entries ...string) string { return `{"auths":{` + strings.Join(entries, ",") + `}}` }

func entry(key, user string) string { return fmt.Sprintf("%q:%s", key, basic(user, "pw")) }

func TestCredential(t *testing.T) {
	const (
		podman = "run/containers/auth.json"
		user   = ".config/containers/auth.json"
		docker = ".docker/config.json"
	)
	for _, tt := range []struct {
		name   string
		files  map[string]string
		host   string
		repo   string
		user   string // of the winner; empty is anonymous
		key    string
		source string
	}{
		{"nothing", nil, "quay.io", "a/b", "", "", ""},
		{"host", map[string]string{docker: auths(entry("quay.io", "d"))}, "quay.io", "a/b", "d", "quay.io", docker},
		{"another host", map[string]string{docker: auths(entry("quay.io", "d"))}, "quay.io:443", "a", "", "", ""},
		{"podman's first", map[string]string{docker: auths(entry("quay.io", "d")), podman: auths(entry("quay.io", "p"))}, "quay.io", "a", "p", "quay.io", podman},
		{"user's before docker's", map[string]string{docker: auths(entry("quay.io", "d")), user: auths(entry("quay.io", "u"))}, "quay.io", "a", "u", "quay.io", user},
		{"most specific first, in whichever file", map[string]string{podman: auths(entry("quay.io", "p")), docker: auths(entry("quay.io/a", "d"))}, "quay.io", "a/b", "d", "quay.io/a", docker},
		{"repository before namespace", map[string]string{docker: auths(entry("quay.io/a", "n"), entry("quay.io/a/b", "r"))}, "quay.io", "a/b", "r", "quay.io/a/b", docker},
		{"namespace ends at a slash", map[string]string{docker: auths(entry("quay.io/a", "n"))}, "quay.io", "ab/c", "", "", ""},
		{"host alone", map[string]string{docker: auths(entry("quay.io/a", "n"), entry("quay.io", "h"))}, "quay.io", "", "h", "quay.io", docker},
		{"Hub by its old name", map[string]string{docker: auths(entry(hubServer, "d"))}, "docker.io", "library/alpine", "d", "docker.io", docker},
		{"Hub asked by its server", map[string]string{docker: auths(entry("docker.io", "d"))}, "registry-1.docker.io", "library/alpine", "d", "docker.io", docker},
		{"Hub namespace", map[string]string{podman: auths(entry("docker.io", "h"), entry("docker.io/team", "n"))}, "index.docker.io", "team/x", "n", "docker.io/team", podman},
		{"Hub's web tokens are no password", map[string]string{docker: auths(entry(hubServer+"refresh-token", "d"))}, "docker.io", "library/alpine", "", "", ""},
		{"key with scheme and path", map[string]string{docker: auths(entry("https://Quay.io/v1/", "d"))}, "quay.io", "a", "d", "quay.io", docker},
		{"exact key before one with scheme", map[string]string{docker: auths(entry("https://quay.io", "s"), entry("quay.io", "x"))}, "quay.io", "a", "x", "quay.io", docker},
		{"empty marker gives way", map[string]string{docker: auths(`"quay.io":{}`, entry("https://quay.io", "s"))}, "quay.io", "a", "s", "quay.io", docker},
		{"user and password in the open", map[string]string{docker: auths(`"quay.io":{"username":"k","password":"pw"}`)}, "quay.io", "a", "k", "quay.io", docker},
		{"IPv6", map[string]string{docker: auths(entry("[::1]:5000", "six"))}, "[::1]:5000", "a", "six", "[::1]:5000", docker},
		{"empty file", map[string]string{docker: "", podman: auths(entry("quay.io", "p"))}, "quay.io", "a", "p", "quay.io", podman},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w warnings
			home := tree(t, tt.files)
			got, err := New(at(home, &w)).Credential(t.Context(), tt.host, tt.repo)
			if err != nil {
				t.Fatal(err)
			}
			w.none(t)
			want := Credential{}
			if tt.user != "" {
				want = Credential{Key: tt.key, Username: tt.user, Password: NewSecret("pw"), Source: filepath.Join(home, filepath.FromSlash(tt.source))}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOrderOfNamedFiles(t *testing.T) {
	var w warnings
	home := tree(t, map[string]string{
		"flag.json":                auths(entry("a", "flag")),
		"env.json":                 auths(entry("a", "env"), entry("b", "env")),
		"run/containers/auth.json": auths(entry("b", "podman"), entry("c", "podman")),
		"elsewhere/config.json":    auths(entry("c", "elsewhere"), entry("d", "elsewhere")),
		".docker/config.json":      auths(entry("d", "docker"), entry("e", "docker")),
	})
	o := at(home, &w)
	o.AuthFile, o.RegistryAuthFile = filepath.Join(home, "flag.json"), filepath.Join(home, "env.json")
	o.DockerConfigDir = filepath.Join(home, "elsewhere")
	o.Given = []Credential{{Key: "https://b/", Username: "typed"}, {Username: "for nobody"}}
	c := New(o)
	for host, want := range map[string]string{"a": "flag", "b": "typed", "c": "podman", "d": "elsewhere", "e": "docker", "f": ""} {
		got, err := c.Credential(t.Context(), host, "r")
		if err != nil || got.Username != want {
			t.Errorf("%s: %q, %v; want %q", host, got.Username, err, want)
		}
	}
	w.none(t)
}

func TestTokens(t *testing.T) {
	user := base64.StdEncoding.EncodeToString([]byte("me:placeholder"))
	for _, tt := range []struct {
		entry                        string
		user, pass, identity, bearer string
	}{
		{`{"auth":"` + user + `","identitytoken":"id"}`, "me", "", "id", ""},
		{basic("<token>", "id"), "", "", "id", ""},
		{`{"identitytoken":"id"}`, "", "", "id", ""},
		{`{"registrytoken":"reg"}`, "", "", "", "reg"},
		{basic("me", "pw:with:colons"), "me", "pw:with:colons", "", ""},
		{basic("me", "pw\x00\x00"), "me", "pw", "", ""},
	} {
		var w warnings
		home := tree(t, map[string]string{".docker/config.json": auths(`"h":` + tt.entry)})
		cr, err := New(at(home, &w)).Credential(t.Context(), "h", "")
		if err != nil || len(w.errs) > 0 {
			t.Fatal(err, w.errs)
		}
		got := []string{cr.Username, cr.Password.Reveal(), cr.IdentityToken.Reveal(), cr.RegistryToken.Reveal()}
		if diff := cmp.Diff([]string{tt.user, tt.pass, tt.identity, tt.bearer}, got); diff != "" {
			t.Errorf("%s: %s", tt.entry, diff)
		}
	}
}

// What is wrong with a file is told once, with a hint and without a secret, and the next
// file is asked.
func TestBadFiles(t *testing.T) {
	for _, tt := range []struct{ name, text, words string }{
		{"not JSON", `{"auths":{"quay.io":{"auth":hunter2}}}`, "not valid JSON at byte"},
		{"cut short", `{"auths":{"quay.io":{"auth":"hunter2`, "not valid JSON"},
		{"wrong kind", `{"auths":{"quay.io":{"password":12345678}}}`, "unexpected kind"},
		{"two documents", `{} {"auths":{}}`, "not valid JSON"},
		{"too large", strings.Repeat(" ", maxAuthFileBytes) + "{}", "too large"},
		{"not base64", auths(`"quay.io":{"auth":"hunter2!"}`), `entry "quay.io": its auth is not base64`},
		{"no colon", auths(`"quay.io":{"auth":"aHVudGVyMg=="}`), `entry "quay.io": its auth has no colon`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w warnings
			home := tree(t, map[string]string{
				"run/containers/auth.json": tt.text,
				".docker/config.json":      auths(entry("quay.io", "d")),
			})
			c := New(at(home, &w))
			for range 2 {
				cr, err := c.Credential(t.Context(), "quay.io", "a/b")
				if err != nil || cr.Username != "d" {
					t.Fatalf("%+v, %v", cr, err)
				}
			}
			w.only(t, tt.words)
			mustNotContain(t, "warning", []byte(w.errs[0].Error()), "hunter2", "12345678")
		})
	}
}

func TestPermissionDenied(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("root may read everything, and Windows has no such modes")
	}
	var w warnings
	home := tree(t, map[string]string{".docker/config.json": auths(entry("quay.io", "d"))})
	if err := os.Chmod(filepath.Join(home, ".docker", "config.json"), 0); err != nil {
		t.Fatal(err)
	}
	cr, err := New(at(home, &w)).Credential(t.Context(), "quay.io", "a")
	if err != nil || !cr.Anonymous() {
		t.Errorf("%+v, %v", cr, err)
	}
	w.only(t, "permission denied")
	if hint := w.errs[0].(interface{ Hint() string }).Hint(); !strings.Contains(hint, "chown") {
		t.Errorf("hint: %s", hint)
	}
}

func TestNamedFileMustExist(t *testing.T) {
	var w warnings
	o := at(t.TempDir(), &w)
	o.AuthFile = filepath.Join(o.Home, "nowhere.json")
	if cr, err := New(o).Credential(t.Context(), "quay.io", "a"); err != nil || !cr.Anonymous() {
		t.Errorf("%+v, %v", cr, err)
	}
	w.only(t, "nowhere.json")
}

func TestHomeIsNoFolder(t *testing.T) {
	var w warnings
	if cr, err := New(at(os.DevNull, &w)).Credential(t.Context(), "quay.io", "a"); err != nil || !cr.Anonymous() {
		t.Errorf("%+v, %v", cr, err)
	}
	w.none(t)
}

func TestExplain(t *testing.T) {
	helpers(t, "broken", "ok")
	var w warnings
	home := tree(t, map[string]string{
		"run/containers/auth.json": auths(`"quay.io/a":{}`),
		".docker/config.json":      `{"credsStore":"ok","credHelpers":{"quay.io":"broken"}, "auths":{` + entry("quay.io", "d") + `}}`,
	})
	steps, err := New(at(home, &w)).Explain(t.Context(), "quay.io", "a")
	if err != nil {
		t.Fatal(err)
	}
	podman, docker := filepath.Join(home, "run", "containers", "auth.json"), filepath.Join(home, ".docker", "config.json")
	want := []Step{
		{Source: podman, Outcome: "read"},
		{Source: filepath.Join(home, ".config", "containers", "auth.json"), Outcome: "no such file"},
		{Source: docker, Outcome: "read"},
		{Source: podman, Key: "quay.io/a", Outcome: "empty entry"},
		{Source: docker, Key: "quay.io/a", Outcome: "no entry"},
		{Source: podman, Key: "quay.io", Outcome: "no entry"},
		{Source: "docker-credential-broken (" + docker + ")", Key: "quay.io", Outcome: `running docker-credential-broken get: exit status 1: "keychain is locked"`},
		{Source: docker, Key: "quay.io", Outcome: "entry", Won: true},
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
	w.only(t, "keychain is locked")
}
