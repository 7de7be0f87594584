package arch

import (
	"strings"
	"testing"

	"github.com/containerd/platforms"
)

func mustParse(t *testing.T, s string) Platform {
	t.Helper()
	p, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMatch(t *testing.T) {
	tests := []struct {
		want, have string
		fit        Fit
		why        string
	}{
		{"linux/amd64", "linux/amd64", Exact, "exactly linux/amd64"},
		{"linux/amd64", "linux/x86_64/v1", Exact, "exactly"},
		{"linux/arm64", "linux/arm64/v8", Exact, "exactly"},
		{"linux/arm/v7", "linux/arm", Exact, "exactly"},
		{"linux/arm64/v7", "linux/arm64/v7", Exact, "exactly"}, // impossible, but the same
		{"linux/amd64/v3", "linux/amd64/v2", Compatible, "linux/amd64/v2 runs on linux/amd64/v3"},
		{"linux/amd64/v3", "linux/amd64", Compatible, "runs on"},
		{"linux/amd64/v2", "linux/amd64/v3", No, "needs linux/amd64/v3, and that is more than linux/amd64/v2"},
		{"linux/arm/v7", "linux/arm/v5", Compatible, "runs on"},
		{"linux/arm/v6", "linux/arm/v7", No, "more than"},
		{"linux/arm64/v9", "linux/arm64/v8.5", Compatible, "runs on"},
		{"linux/arm64/v9", "linux/arm64/v8.6", No, "more than"},
		{"linux/arm64/v8.2", "linux/arm64", Compatible, "runs on"},
		{"linux/arm64", "linux/arm64/v8.1", No, "more than"},
		{"linux/amd64", "linux/386", Runs, "linux/386 runs on linux/amd64, as a 32-bit program"},
		{"linux/arm64", "linux/arm/v7", Runs, "32-bit"},
		{"linux/386", "linux/amd64", No, "the architecture is amd64, not 386"},
		{"linux/amd64", "linux/arm64", No, "the architecture is arm64, not amd64"},
		{"linux/amd64", "windows/amd64", No, "the operating system is windows, not linux"},
		{"linux/amd64/v999999999", "linux/amd64", No, "more than"}, // must not count down
		{"unknown/unknown", "unknown/unknown", No, "attestation"},

		{"windows/amd64:10.0.17763.1", "windows/amd64:10.0.17763.9999", Exact, ""},
		{"windows/amd64:10.0.17763", "windows/amd64:10.0.17763.5", Exact, ""},
		{"windows/amd64:10.0.17763.1", "windows/amd64:10.0.17764.1", No, "windows 10.0.17764.1 does not run on 10.0.17763.1"},
		{"windows/amd64:10.0.17763.1", "windows/amd64", Exact, ""},
		{"windows/amd64", "windows/amd64:10.0.17763.1", Exact, ""},
		{"windows/amd64:10.0.26100", "windows/amd64:10.0.20348.1", Compatible, "windows 10.0.20348.1 runs on 10.0.26100"},
		{"windows/amd64:10.0.20348", "windows/amd64:10.0.26100.1", No, "does not run"},
		{"windows/amd64", "windows/amd64:+win32k", Exact, ""},
		{"linux/amd64:6.1", "linux/amd64:5.4", Exact, ""}, // counts for Windows only

		{"linux/amd64", "linux/amd64:+erofs", No, "needs a feature"},
		{"linux/amd64:+a+erofs", "linux/amd64:+erofs", Exact, ""},
		{"linux/amd64:+erofs", "linux/amd64", Exact, ""},
	}
	for _, tt := range tests {
		t.Run(tt.want+" "+tt.have, func(t *testing.T) {
			fit, why := Match(mustParse(t, tt.want), mustParse(t, tt.have))
			if fit != tt.fit || why == "" || !strings.Contains(why, tt.why) {
				t.Errorf("%s: %s; want %s: %s", fit, why, tt.fit, tt.why)
			}
		})
	}
}

func TestMatchIncomplete(t *testing.T) {
	linux := Platform{OS: "linux", Architecture: "amd64"}
	for _, p := range []Platform{{}, {OS: "linux"}, {Architecture: "amd64"}} {
		if fit, why := Match(linux, p); fit != No || why != "the image names no platform" {
			t.Errorf("%+v for linux/amd64: %s, %s", p, fit, why)
		}
		if fit, _ := Match(p, linux); fit != No {
			t.Errorf("linux/amd64 for %+v: %s", p, fit)
		}
	}
}

// some holds platforms with all that the rules speak of.
func some(t *testing.T) []Platform {
	all := strings.Fields(`linux/amd64 linux/amd64/v2 linux/amd64/v3 linux/amd64/v4 linux/386 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm/v8
		linux/arm64 linux/arm64/v8.1 linux/arm64/v8.5 linux/arm64/v9 linux/arm64/v9.2 linux/s390x linux/ppc64le darwin/arm64 freebsd/amd64
		linux/amd64:+a linux/amd64:+a+b linux/amd64:+b
		windows/amd64 windows/amd64:10.0.17763.1 windows/amd64:10.0.17763.10 windows/amd64:10.0.17763.9 windows/amd64:10.0.20348.1
		windows/amd64:10.0.26100 windows/amd64:odd windows/arm64`)
	made := make([]Platform, len(all))
	for i, s := range all {
		made[i] = mustParse(t, s)
	}
	return made
}

// What containerd takes we take, and nothing else.
func TestMatchAgreesWithContainerd(t *testing.T) {
	for _, want := range some(t) {
		for _, have := range some(t) {
			theirs := platforms.Only(want.spec()).Match(have.spec())
			if fit, why := Match(want, have); (fit != No) != theirs {
				t.Errorf("%s for %s: %s, %s; containerd says %t", have, want, fit, why, theirs)
			}
			strict := platforms.OnlyStrict(want.spec()).Match(have.spec())
			if fit, _ := Match(want, have); fit == Exact && !strict {
				t.Errorf("%s for %s: exact, but not for containerd", have, want)
			}
		}
	}
}
