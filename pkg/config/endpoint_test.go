package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const registriesConf = `
unqualified-search-registries = ["quay.io"]
short-name-mode = "enforcing"

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.lan:5000/hub"
insecure = true
[[registry.mirror]]
location = "tags.lan/hub"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "docker.io/library"
location = "quay.io/official"
mirror-by-digest-only = true
[[registry.mirror]]
location = "digests.lan"

[[registry]]
prefix = "*.corp.example"
insecure = true

[[registry]]
location = "evil.example"
blocked = true

[[registry]]
location = "half.example/bad"
blocked = true

[[registry]]
prefix = "whole.example/app"
location = "other.lan"

[[registry]]
prefix = "alias.example/app"
location = "other.lan/moved"

[aliases]
"alpine" = "quay.io/aliased/alpine"
`

func TestEndpoints(t *testing.T) {
	o := at(tree(t, map[string]string{"etc/containers/registries.conf": registriesConf}), &warnings{})
	o.Insecure = []string{"plain.lan", "tags.lan:443", "[::1]"}
	c := New(o)
	for _, tt := range []struct {
		host, repo string
		want       []Endpoint
	}{
		{"ghcr.io", "a/b", []Endpoint{{Host: "ghcr.io", Repository: "a/b", Pull: PullAll}}},
		{"plain.lan:8080", "a", []Endpoint{{Host: "plain.lan:8080", Repository: "a", Pull: PullAll, Insecure: true}}},
		{"[::1]:5000", "a", []Endpoint{{Host: "[::1]:5000", Repository: "a", Pull: PullAll, Insecure: true}}},
		{"docker.io", "team/app", []Endpoint{
			{Host: "mirror.lan:5000", Repository: "hub/team/app", Insecure: true, Mirror: true, Pull: PullAll},
			{Host: "tags.lan", Repository: "hub/team/app", Mirror: true, Pull: PullByTag},
			{Host: "docker.io", Repository: "team/app", Pull: PullAll},
		}},
		{"docker.io", "library/alpine", []Endpoint{
			{Host: "digests.lan", Repository: "alpine", Mirror: true, Pull: PullByDigest},
			{Host: "quay.io", Repository: "official/alpine", Pull: PullAll},
		}},
		{"docker.io", "librarything/x", []Endpoint{
			{Host: "mirror.lan:5000", Repository: "hub/librarything/x", Insecure: true, Mirror: true, Pull: PullAll},
			{Host: "tags.lan", Repository: "hub/librarything/x", Mirror: true, Pull: PullByTag},
			{Host: "docker.io", Repository: "librarything/x", Pull: PullAll},
		}},
		{"a.b.corp.example:5000", "x", []Endpoint{{Host: "a.b.corp.example:5000", Repository: "x", Insecure: true, Pull: PullAll}}},
		{"x.corp.example.corp.example", "x", []Endpoint{{Host: "x.corp.example.corp.example", Repository: "x", Insecure: true, Pull: PullAll}}},
		{"notcorp.example", "x.corp.example", []Endpoint{{Host: "notcorp.example", Repository: "x.corp.example", Pull: PullAll}}},
		{"half.example", "good", []Endpoint{{Host: "half.example", Repository: "good", Pull: PullAll}}},
		{"alias.example", "app", []Endpoint{{Host: "other.lan", Repository: "moved", Pull: PullAll}}},
	} {
		got, err := c.Endpoints(tt.host, tt.repo)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s/%s: %v %s", tt.host, tt.repo, err, diff)
		}
	}
	for _, name := range []string{"evil.example/a", "evil.example:5000/a", "half.example/bad/x"} {
		host, repo, _ := strings.Cut(name, "/")
		_, err := c.Endpoints(host, repo)
		_, direct := c.Direct(host, repo)
		if be, ok := errors.AsType[*BlockedError](err); !ok || be.Name != name || be.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := errors.AsType[*BlockedError](direct); !ok {
			t.Errorf("%s, to write: %v", name, direct)
		}
	}
	if _, err := c.Endpoints("whole.example", "app"); err == nil || !strings.Contains(err.Error(), "rewriting whole.example/app") {
		t.Errorf("rewritten to no repository: %v", err)
	}
	want := Endpoint{Host: "docker.io", Repository: "library/alpine", Pull: PullAll}
	if got, err := c.Direct("docker.io", "library/alpine"); got != want || err != nil {
		t.Errorf("direct: %+v, %v", got, err)
	}
}

func TestPullAllows(t *testing.T) {
	for p, want := range map[PullFromMirror][2]bool{"": {true, true}, PullAll: {true, true}, PullByDigest: {true, false}, PullByTag: {false, true}} {
		if got := [2]bool{p.Allows(true), p.Allows(false)}; got != want {
			t.Errorf("%q: %v", p, got)
		}
	}
}

// Which registries.conf and which drop-ins count; the library is never let near the real ones.
func TestRegistryFiles(t *testing.T) {
	t.Setenv("HOME", tree(t, map[string]string{".config/containers/registries.conf": "broken ="}))
	to := func(mirror string) string {
		return "[[registry]]\nlocation = \"r.io\"\n[[registry.mirror]]\nlocation = \"" + mirror + "\"\n"
	}
	const (
		system, systemDrop = "etc/containers/registries.conf", "etc/containers/registries.conf.d/a.conf"
		user, userDrop     = ".config/containers/registries.conf", ".config/containers/registries.conf.d/a.conf"
	)
	for _, tt := range []struct {
		name      string
		files     []string // each names itself as the mirror
		conf, dir string
		want      string
	}{
		{"none", nil, "", "", "r.io"},
		{"the system's", []string{system}, "", "", system},
		{"its drop-ins change it", []string{system, systemDrop}, "", "", systemDrop},
		{"drop-ins alone", []string{systemDrop}, "", "", systemDrop},
		{"the user's drop-ins come last", []string{system, systemDrop, userDrop}, "", "", userDrop},
		{"the user's own hides the system's", []string{system, systemDrop, user}, "", "", user},
		{"and has its own drop-ins", []string{system, user, userDrop}, "", "", userDrop},
		{"a named one replaces the file", []string{system, user, "my.conf"}, "my.conf", "", "my.conf"},
		{"not the drop-ins", []string{"my.conf", systemDrop}, "my.conf", "", systemDrop},
		{"a named folder replaces them", []string{system, systemDrop, userDrop, "d/a.conf"}, "", "d", "d/a.conf"},
		{"other names are no drop-ins", []string{system, "d/a.txt"}, "", "d", system},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for _, f := range tt.files {
				files[f] = to("m.io/" + strings.ToLower(strings.ReplaceAll(f, ".", "")))
			}
			home := tree(t, files)
			o := at(home, &warnings{})
			if tt.conf != "" {
				o.RegistriesConf = filepath.Join(home, tt.conf)
			}
			if tt.dir != "" {
				o.RegistriesConfDir = filepath.Join(home, tt.dir)
			}
			got, err := New(o).Endpoints("r.io", "x")
			if err != nil {
				t.Fatal(err)
			}
			want := "m.io/" + strings.ReplaceAll(tt.want, ".", "") + "/x"
			if tt.files == nil {
				want = "r.io/x"
			}
			if first := got[0].Host + "/" + got[0].Repository; first != want {
				t.Errorf("first is %s, want %s", first, want)
			}
		})
	}
}

// A registries.conf that cannot be understood may forbid what is asked: no way round it.
func TestBrokenRegistriesConf(t *testing.T) {
	home := tree(t, map[string]string{
		"bad.conf":      "[[registry",
		"conflict.conf": "[[registry]]\nlocation='a'\nblocked=true\n[[registry]]\nprefix='b'\nlocation='a'\n",
	})
	for _, conf := range []string{"bad.conf", "conflict.conf", "missing.conf"} {
		c := New(Options{RegistriesConf: filepath.Join(home, conf)})
		_, err := c.Endpoints("a", "x")
		if err == nil || !strings.Contains(err.Error(), conf) {
			t.Errorf("%s: %v", conf, err)
		}
		if _, err := c.Direct("a", "x"); err == nil {
			t.Errorf("%s: writes go through", conf)
		}
		if _, err := c.TLS("a"); err == nil {
			t.Errorf("%s: TLS goes through", conf)
		}
		if _, ok := errors.AsType[*problem](err); !ok {
			t.Errorf("%s: no hint: %v", conf, err)
		}
	}
}
