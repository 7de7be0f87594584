package mirror_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"

	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/ref"
)

const full = `version: 1
to: registry.local:5000/mirror
platforms: [linux/amd64, linux/arm64]
images:
  - from: alpine
    tags:
      include: [3.20, "3.*"]
      exclude: ["/-rc[0-9]+$/"]
      semver: ">=3.18, <4"
      newest: 3
      prereleases: true
  - from: ghcr.io/org/**
    except: ["*-test"]
    tags: [v*]
    platforms: [all]
    to: ghcr/
    immutable: true
  - from: ghcr.io/org/app:1.4
  - from: store:x.local/team/*
  - from: oci:dir
    to: team/app
  - from: all.tar
`

func parse(t *testing.T, text string) *mirror.File {
	t.Helper()
	f, err := mirror.Parse(strings.NewReader(text), "mirror.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	f := parse(t, full)
	if f.To != "registry.local:5000/mirror" || len(f.Images) != 6 {
		t.Fatalf("%+v", f)
	}
	if got := f.Images[0].Tags.Include[0]; got != "3.20" {
		t.Errorf("a tag that looks like a number is %q", got)
	}
	for i, line := range []int{5, 12, 18, 19, 20, 22} {
		if f.Images[i].Line != line {
			t.Errorf("image %d is on line %d, not %d", i, f.Images[i].Line, line)
		}
	}
	if n := len(f.Images[0].Selection.Platforms); n != 2 || !f.Images[1].Selection.All {
		t.Errorf("platforms: %v, %v", f.Images[0].Selection, f.Images[1].Selection)
	}
	for i, want := range []struct {
		kind             ref.Kind
		pattern, isImage bool
	}{
		{ref.Registry, false, false},
		{ref.Registry, true, false},
		{ref.Registry, false, true},
		{ref.Store, true, false},
		{ref.OCIDir, false, false},
		{ref.Path, false, false},
	} {
		s := f.Images[i].Source
		if s.Ref.Kind != want.kind || s.IsPattern() != want.pattern || s.IsImage != want.isImage {
			t.Errorf("%s: %+v", f.Images[i].From, s)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	rule := func(text string) string {
		return "version: 1\nimages:\n  - " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":          {"", "empty"},
		"no version":       {"images: [{from: a}]", "mirror.yaml: version is 0"},
		"no images":        {"version: 1", "nothing under images"},
		"unknown key":      {rule("from: a\ntag: x"), `mirror.yaml:4: unknown key "tag"`},
		"unknown tag key":  {rule("from: a\ntags: {includes: [x]}"), `mirror.yaml:4: unknown key "includes"`},
		"key twice":        {rule("from: a\nfrom: b"), "line 4: mapping key \"from\" already defined"},
		"two documents":    {rule("from: a") + "---\nx: 1", "more than one document"},
		"no YAML":          {"a: [", "mirror.yaml:1: "},
		"no from":          {rule("to: a"), "mirror.yaml:3: images: from is missing"},
		"from":             {rule("from: A/B"), "mirror.yaml:3: images: parsing name"},
		"engine":           {rule("from: \"docker-daemon:\""), "is an engine"},
		"hub pattern":      {rule("from: library/*"), "Docker Hub does not list"},
		"pattern and to":   {rule("from: ghcr.io/a/*\nto: b"), "end it in"},
		"bad to":           {rule("from: a\nto: B"), "to: parsing name"},
		"image and tags":   {rule("from: a:1\ntags: [x]"), "is one image"},
		"except":           {rule("from: a\nexcept: [x]"), "is one repository"},
		"range":            {rule("from: a\ntags: {semver: \"> y\"}"), "tags: semver"},
		"newest":           {rule("from: a\ntags: {newest: -1}"), "less than none"},
		"newest, a word":   {rule("from: a\ntags: {newest: many}"), `mirror.yaml:4: newest is "many", not a number`},
		"prereleases":      {rule("from: a\ntags: {prereleases: true}"), "goes with"},
		"expression":       {rule("from: a\ntags: [\"/(/\"]"), "missing closing"},
		"empty pattern":    {rule("from: a\ntags: [\"\"]"), "empty"},
		"long pattern":     {rule("from: a\ntags: [\"" + strings.Repeat("x", 1001) + "\"]"), "longer than"},
		"platform":         {rule("from: a\nplatforms: [linux/x/y/z]"), "platforms"},
		"file's platforms": {"platforms: [linux/x/y/z]\n" + rule("from: a"), "platforms"},
		"no list":          {rule("from: a\nplatforms: linux/amd64"), "mirror.yaml:4: platforms is no list"},
		"no value":         {rule("from: [a]"), "mirror.yaml:3: from is no single value"},
		"no bool":          {rule("from: a\nimmutable: maybe"), `mirror.yaml:4: immutable is "maybe", not true or false`},
		"tags, a word":     {rule("from: a\ntags: v1"), "mirror.yaml:4: tags is no list"},
		"rule, a word":     {rule("alpine"), "mirror.yaml:3: a rule has no keys"},
		"tab":              {rule("from: a\n\ttags: [x]"), "mirror.yaml:4: the line begins with a tab"},
		"through an alias": {rule("&a\nfrom: a\ntags: {<<: *a}"), "not found"},
		"too long":         {strings.Repeat("#", 1<<20+1), "longer than 1048576"},
		"too many":         {"version: 1\nimages:\n" + strings.Repeat("- from: a\n", 10_001), "more than 10000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mirror.Parse(strings.NewReader(tt.text), "mirror.yaml")
			var syntax *mirror.SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestAliasesAreBounded: a small file must not become a large one.
func TestAliasesAreBounded(t *testing.T) {
	text := "version: 1\nimages: []\nto: &a0 x\n"
	list := "*a0"
	text = strings.Replace(text, "to: &a0 x", "platforms: [&a0 x, &a1 ["+strings.Repeat(list+", ", 50)+"]]", 1)
	if _, err := mirror.Parse(strings.NewReader(text), "mirror.yaml"); err == nil {
		t.Error("no error")
	}
}

// All that is wrong is said at once, with what to write instead.
func TestParseRefusesAll(t *testing.T) {
	_, err := mirror.Parse(strings.NewReader("version: 1\nimages:\n- form: a\n  platforms: linux/amd64\n- tag: b\n"), "m.yaml")
	want := "m.yaml:3: unknown key \"form\"\nm.yaml:4: platforms is no list\nm.yaml:5: unknown key \"tag\""
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	var first *mirror.SyntaxError
	if !errors.As(err, &first) || first.Hint() != "the keys of a rule are from, except, tags, platforms, to, immutable" {
		t.Errorf("%+v", first)
	}
	_, err = mirror.Parse(strings.NewReader("version: 2\nimages:\n- to: a\n- from: A\n"), "m.yaml")
	if err == nil || strings.Count(err.Error(), "m.yaml:") != 3 {
		t.Error(err)
	}
}

func TestIdle(t *testing.T) {
	f := parse(t, "version: 1\nimages:\n- from: x.local/a/*\n  except: ['a/*-test', 'b/*', 'a/*']\n")
	r := &f.Images[0]
	for _, repository := range []string{"a/b-test", "b/c"} {
		if r.Takes(ref.Name{Host: "x.local", Repository: repository}) {
			t.Error(repository)
		}
	}
	if got := strings.Join(r.Idle(), " "); got != "b/*" {
		t.Errorf("idle: %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(full)
	f.Add("version: 1\nimages: [{from: &a b, tags: [*a]}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := mirror.Parse(strings.NewReader(text), "mirror.yaml")
		if err != nil {
			return
		}
		target, err := mirror.ParseTarget("x.local/y")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range file.Images {
			r.Select([]string{"1.0", "latest"})
			if n, err := target.Name(&r, ref.Name{Host: "docker.io", Repository: "library/a", Tag: "1"}); err == nil && n.Host != "x.local" {
				t.Fatalf("%s leaves the destination", n)
			}
		}
	})
}

// TestDocumented: what docs/sync.md shows is a file, and the examples are YAML.
func TestDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "sync.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "```yaml\n")
	text, _, _ = strings.Cut(text, "```\n")
	if f := parse(t, text); len(f.Images) != 4 || f.To != "registry.local:5000/mirror" {
		t.Errorf("%+v", f)
	}
	examples, err := filepath.Glob(filepath.Join("..", "..", "docs", "examples", "sync-*.yaml"))
	if err != nil || len(examples) != 2 {
		t.Fatalf("%v, %v", examples, err)
	}
	for _, file := range examples {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(raw, new(map[string]any)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
