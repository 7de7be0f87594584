package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	containers "github.com/containers/image/v5/pkg/docker/config"
	"github.com/containers/image/v5/types"
	"github.com/google/go-cmp/cmp"
)

var someone = Credential{Username: "me", Password: NewSecret("p&ss:<w>")}

func login(t *testing.T, o Options, key string, cr Credential) Stored {
	t.Helper()
	st, err := New(o).Login(t.Context(), key, cr)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Which file a login goes to.
func TestLoginFile(t *testing.T) {
	const (
		docker = ".docker/config.json"
		user   = ".config/containers/auth.json"
		podman = "run/containers/auth.json"
	)
	for _, tt := range []struct {
		name, key string
		files     map[string]string
		flag, env string // below home
		want      string
	}{
		{"docker's", "quay.io", nil, "", "", docker},
		{"docker's, as a URL", "https://Quay.io/v2/", nil, "", "", docker},
		{"containers' for a namespace", "quay.io/team", nil, "", "", user},
		{"the one named", "quay.io", nil, "new/flag.json", "", "new/flag.json"},
		{"the one in the environment", "quay.io/team", nil, "", "env.json", "env.json"},
		{"where it would be hidden", "quay.io", map[string]string{podman: auths(entry("quay.io", "old"))}, "", "", podman},
		{"not where another is", "quay.io", map[string]string{podman: auths(entry("ghcr.io", "old"))}, "", "", docker},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w warnings
			home := tree(t, tt.files)
			o := at(home, &w)
			if tt.flag != "" {
				o.AuthFile = filepath.Join(home, tt.flag)
			}
			if tt.env != "" {
				o.RegistryAuthFile = filepath.Join(home, tt.env)
			}
			c := New(o)
			st, err := c.Login(t.Context(), tt.key, someone)
			if want := (Stored{filepath.Join(home, filepath.FromSlash(tt.want)), true}); st != want || err != nil {
				t.Errorf("%+v, %v, want %+v", st, err, want)
			}
			cr, err := c.Credential(t.Context(), "quay.io", "team/app")
			if err != nil || cr.Username != "me" || cr.Password.Reveal() != "p&ss:<w>" {
				t.Errorf("read back: %+v, %v", cr, err)
			}
		})
	}
}

// Everything the file says besides stays, and docker's and containers' readers find the login.
func TestLoginKeepsTheRest(t *testing.T) {
	const before = `{
	"HttpHeaders": {"X-Meta": "<a & b>"},
	"psFormat": "table {{.ID}}",
	"number": 12345678901234567890.50,
	"auths": {"ghcr.io": {"auth": "b2xkOm9sZA==", "email": "a@b", "extra": [1, 2]}, "https://quay.io/v1/": {"auth": "b2xkOm9sZA=="}},
	"plugins": {"x": {"y": null}}
}`
	var w warnings
	home := tree(t, map[string]string{".docker/config.json": before})
	path := filepath.Join(home, ".docker", "config.json")
	login(t, at(home, &w), "quay.io", someone)
	login(t, at(home, &w), "docker.io", someone)
	w.none(t)

	want := strings.Replace(before, `"https://quay.io/v1/": {"auth": "b2xkOm9sZA=="}`,
		entry("quay.io", "")+","+entry(hubServer, ""), 1)
	want = strings.ReplaceAll(want, basic("", "pw"), basic("me", "p&ss:<w>"))
	if diff := cmp.Diff(meaning(t, []byte(want)), meaning(t, read(t, path))); diff != "" {
		t.Error(diff)
	}
	if text := string(read(t, path)); !strings.Contains(text, "<a & b>") || !strings.Contains(text, "12345678901234567890.50") {
		t.Errorf("values were respelled: %s", text)
	}
	for _, key := range []string{"quay.io", "docker.io", "docker.io/library/alpine"} {
		if got := asContainers(t, path, key); got.Username != "me" || got.Password != "p&ss:<w>" {
			t.Errorf("containers/image reads %s as %q", key, got.Username)
		}
	}
	if fi, err := os.Stat(path); err != nil || (runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600) {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(home, ".docker", ".config-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func meaning(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func asContainers(t *testing.T, path, key string) types.DockerAuthConfig {
	t.Helper()
	sys := source("", "")
	sys.AuthFilePath = path
	got, err := containers.GetCredentials(sys, key)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What podman login and podman's file form write is read here, and the other way round.
func TestContainersCompat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.json")
	sys := source("", "")
	sys.AuthFilePath = path
	for _, key := range []string{"quay.io/team", "docker.io", "localhost:5000"} {
		if _, err := containers.SetCredentials(sys, key, "podman", "pw"); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{AuthFile: path}
	for host, repo := range map[string]string{"quay.io": "team/x", "docker.io": "library/x", "localhost:5000": "x"} {
		if cr, err := New(o).Credential(t.Context(), host, repo); err != nil || cr.Username != "podman" {
			t.Errorf("%s/%s: %+v, %v", host, repo, cr, err)
		}
	}
	login(t, o, "quay.io/team/app", someone)
	login(t, o, "quay.io/token", Credential{IdentityToken: NewSecret("id")})
	login(t, o, "docker.io", someone)
	if got := asContainers(t, path, "quay.io/team/app"); got.Password != "p&ss:<w>" {
		t.Errorf("namespace: %q", got.Username)
	}
	if got := asContainers(t, path, "quay.io/team/other"); got.Username != "podman" {
		t.Errorf("other: %q", got.Username)
	}
	if got := asContainers(t, path, "quay.io/token"); got.IdentityToken != "id" {
		t.Errorf("token: %q", got.IdentityToken)
	}
	if err := containers.RemoveAuthentication(sys, "docker.io"); err != nil {
		t.Errorf("logout by containers/image: %v", err)
	}
}

func TestLoginWithHelper(t *testing.T) {
	kept := helpers(t, "keep", "echo")
	var w warnings
	home := tree(t, map[string]string{".docker/config.json": `{"credsStore":"keep","credHelpers":{"bad.io":"echo","gone.io":"gone"},"auths":{` + entry("quay.io", "old") + `}}`})
	path := filepath.Join(home, ".docker", "config.json")
	st := login(t, at(home, &w), "quay.io", someone)
	if want := (Stored{Where: "docker-credential-keep (" + path + ")"}); st != want {
		t.Errorf("%+v, want %+v", st, want)
	}
	login(t, at(home, &w), "docker.io", Credential{IdentityToken: NewSecret("id")})
	if n, _ := os.ReadDir(kept); len(n) != 3 {
		t.Errorf("helper keeps %v", n)
	}
	d := authFile{path: path}.load()
	if diff := cmp.Diff(map[string]authEntry{"quay.io": {}, hubServer: {}}, d.auths); diff != "" {
		t.Errorf("the file has more than markers: %s", diff)
	}
	c := New(at(home, &w))
	if cr, err := c.Credential(t.Context(), "quay.io", "a"); err != nil || cr.Password.Reveal() != "p&ss:<w>" {
		t.Errorf("%+v, %v", cr, err)
	}
	if cr, err := c.Credential(t.Context(), "docker.io", "library/a"); err != nil || cr.IdentityToken.Reveal() != "id" {
		t.Errorf("%+v, %v", cr, err)
	}
	before := read(t, path)
	for _, host := range []string{"bad.io", "gone.io"} {
		_, err := c.Login(t.Context(), host, someone)
		var h interface{ Hint() string }
		if !errors.As(err, &h) {
			t.Fatalf("%s: %v", host, err)
		}
		mustNotContain(t, "error", []byte(err.Error()), "p&ss")
	}
	if _, err := c.Login(t.Context(), "quay.io", Credential{RegistryToken: NewSecret("r")}); err == nil {
		t.Error("a helper cannot keep a registry token")
	}
	if diff := cmp.Diff(string(before), string(read(t, path))); diff != "" {
		t.Errorf("a failed login changed the file: %s", diff)
	}
}

func TestLoginRefuses(t *testing.T) {
	const broken = `{"auths":`
	home := tree(t, map[string]string{".docker/config.json": broken})
	c := New(at(home, &warnings{}))
	for key, cr := range map[string]Credential{
		"quay.io":        someone, // the file is broken
		"":               someone,
		"quay.io/a:tag":  someone,
		"quay.io/a@b":    someone,
		"quay io":        someone,
		"quay.io/team":   {},
		"quay.io/team/b": {Username: "a:b", Password: NewSecret("x")},
	} {
		if st, err := c.Login(t.Context(), key, cr); err == nil {
			t.Errorf("%q: stored at %+v", key, st)
		}
	}
	if got := string(read(t, filepath.Join(home, ".docker", "config.json"))); got != broken {
		t.Errorf("the file became %s", got)
	}
	if _, err := os.Stat(filepath.Join(home, ".config")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused login wrote: %v", err)
	}
	if _, err := New(Options{}).Login(t.Context(), "quay.io", someone); err == nil {
		t.Error("stored with nowhere to store")
	}
}

// The link stays, and a config that is not there yet is made where it points to.
func TestLoginThroughLink(t *testing.T) {
	home := tree(t, map[string]string{"dotfiles/readme": ""})
	link := filepath.Join(home, ".docker", "config.json")
	if err := os.Mkdir(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "dotfiles", "docker.json"), link); err != nil {
		t.Skip(err)
	}
	for _, key := range []string{"quay.io", "ghcr.io"} {
		login(t, at(home, &warnings{}), key, someone)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", fi.Mode(), err)
	}
	d := authFile{path: filepath.Join(home, "dotfiles", "docker.json")}.load()
	if len(d.auths) != 2 {
		t.Errorf("%v, %v", d.auths, d.err)
	}
}

// A Config sees its own logins and logouts.
func TestLogout(t *testing.T) {
	kept := helpers(t, "keep")
	var w warnings
	home := tree(t, map[string]string{
		"run/containers/auth.json": auths(entry("quay.io", "p"), entry("quay.io/team", "p"), entry("docker.io", "p")),
		".docker/config.json":      `{"credsStore":"keep","currentContext":"x","auths":{` + entry("https://quay.io/v1/", "d") + "," + entry(hubServer+"refresh-token", "web") + `}}`,
	})
	podman, docker := filepath.Join(home, "run", "containers", "auth.json"), filepath.Join(home, ".docker", "config.json")
	keep := "docker-credential-keep (" + docker + ")"
	c := New(at(home, &w))
	user := func(host, repo string) string {
		cr, err := c.Credential(t.Context(), host, repo)
		if err != nil {
			t.Fatal(err)
		}
		return cr.Username
	}
	if got := user("quay.io", "app"); got != "p" {
		t.Fatalf("before: %q", got)
	}
	out, err := c.Logout(t.Context(), "quay.io")
	if diff := cmp.Diff([]string{podman, docker}, out); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if a, b := user("quay.io", "app"), user("quay.io", "team/app"); a != "" || b != "p" {
		t.Errorf("after: %q, team %q", a, b)
	}
	if out, err := c.Logout(t.Context(), "quay.io"); len(out) > 0 || err != nil {
		t.Errorf("again: %v, %v", out, err)
	}
	if _, err := c.Login(t.Context(), "ghcr.io", someone); err != nil || user("ghcr.io", "a") != "me" {
		t.Errorf("login in between: %v", err)
	}
	out, err = c.LogoutAll(t.Context())
	if diff := cmp.Diff([]string{docker, podman, keep}, out); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if left, _ := os.ReadDir(kept); len(left) != 1 {
		t.Errorf("the helper still keeps %v", left)
	}
	want := map[string]any{"credsStore": "keep", "currentContext": "x", "auths": map[string]any{}}
	if diff := cmp.Diff(want, meaning(t, read(t, docker))); diff != "" {
		t.Error(diff)
	}
	w.none(t)
}

// What cannot be removed is an error, and the rest is removed all the same.
func TestLogoutPartly(t *testing.T) {
	helpers(t, "broken")
	home := tree(t, map[string]string{
		"run/containers/auth.json": "not JSON",
		".docker/config.json":      `{"credsStore":"broken","auths":{` + entry("quay.io", "d") + `}}`,
	})
	out, err := New(at(home, &warnings{})).Logout(t.Context(), "quay.io")
	if err == nil || !strings.Contains(err.Error(), "not valid JSON") || !strings.Contains(err.Error(), "keychain is locked") {
		t.Errorf("error: %v", err)
	}
	if !slices.Equal(out, []string{filepath.Join(home, ".docker", "config.json")}) {
		t.Errorf("removed: %v", out)
	}
}
