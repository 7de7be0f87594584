package mirror_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/ref"
)

func TestSelect(t *testing.T) {
	const tags = "latest edge 3 3.9 3.18.0 v3.19.1 3.19.1 3.20.0 3.20.0-rc.1 4.0.0-alpine 4.0.0 sha256-" +
		"0000000000000000000000000000000000000000000000000000000000000000.sig nightly-1"
	for rule, want := range map[string]string{
		`{}`:                          "3 3.18.0 3.19.1 3.20.0 3.20.0-rc.1 3.9 4.0.0 4.0.0-alpine edge latest nightly-1 v3.19.1",
		`[latest, "3.?"]`:             "3.9 latest",
		`{include: ["3.*"]}`:          "3.18.0 3.19.1 3.20.0 3.20.0-rc.1 3.9",
		`["[34]"]`:                    "3",
		`["[!34]*"]`:                  "edge latest nightly-1 v3.19.1",
		`["/^v?3\\.19/"]`:             "3.19.1 v3.19.1",
		`{exclude: ["/[a-z]/", "3"]}`: "3.18.0 3.19.1 3.20.0 3.9 4.0.0",
		`{semver: ">=3.18, <4"}`:      "3.20.0 3.19.1 v3.19.1 3.18.0",
		`{semver: ">3.19.1, <3.21", prereleases: true}`: "3.20.0 3.20.0-rc.1",
		`{newest: 2}`:                    "4.0.0 3.20.0",
		`{newest: 3}`:                    "4.0.0 3.20.0 3.19.1 v3.19.1",
		`{newest: 2, prereleases: true}`: "4.0.0 4.0.0-alpine",
		`{semver: "<4", newest: 1, exclude: ["3.20.0"]}`: "3.19.1 v3.19.1",
		`[nothing]`: "",
	} {
		f := parse(t, "version: 1\nimages: [{from: a, tags: "+rule+"}]")
		got := strings.Join(f.Images[0].Select(append(strings.Fields(tags), "latest")), " ")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", rule, diff)
		}
	}
}

func TestIsCompanion(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for tag, want := range map[string]bool{
		"sha256-" + hex + ".sig": true, "sha256-" + hex + ".att": true, "sha256-" + hex + ".sbom": true, "sha256-" + hex: true,
		"sha256-" + hex + ".txt": false, "sha256-" + hex[1:]: false, "1.sig": false,
	} {
		digest, got := mirror.IsCompanion(tag)
		if got != want || got && digest != "sha256:"+hex {
			t.Errorf("%s: %q, %v", tag, digest, got)
		}
	}
}

func TestTakes(t *testing.T) {
	for _, tt := range []struct {
		rule, name string
		want       bool
	}{
		{"{from: ghcr.io/org/*}", "ghcr.io/org/app", true},
		{"{from: ghcr.io/org/*}", "ghcr.io/org/team/app", false},
		{"{from: ghcr.io/org/**}", "ghcr.io/org/team/app", true},
		{"{from: 'ghcr.io/org/{a}*'}", "ghcr.io/org/a", false},
		{"{from: ghcr.io/**, except: ['org/*']}", "ghcr.io/org/app", false},
		{"{from: ghcr.io/**, except: ['ghcr.io/org/*']}", "ghcr.io/org/app", false},
		{"{from: ghcr.io/**, except: ['/test/']}", "ghcr.io/org/app-test", false},
		{"{from: 'localhost:5000/*'}", "localhost:5000/app", true},
		{"{from: 'store:ghcr.io/*/app'}", "ghcr.io/org/app", true},
		{"{from: 'store:ghcr.io/*/app'}", "quay.io/org/app", false},
		{"{from: 'store:'}", "quay.io/org/app", true},
		{"{from: 'store:quay.io/org/app'}", "quay.io/org/app", true},
		{"{from: 'store:quay.io/org/app'}", "quay.io/org/other", false},
		{"{from: all.tar, except: ['quay.io/**']}", "quay.io/org/app", false},
	} {
		text := "version: 1\nimages: [" + tt.rule + "]"
		if strings.Contains(tt.rule, "{a}") { // not a name, however it is read
			if _, err := mirror.Parse(strings.NewReader(text), "mirror.yaml"); err == nil {
				t.Errorf("%s: no error", tt.rule)
			}
			continue
		}
		n, err := ref.ParseRepository(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, text)
		if got := f.Images[0].Takes(n); got != tt.want {
			t.Errorf("%s takes %s: %v", tt.rule, tt.name, got)
		}
	}
}
