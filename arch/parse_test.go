package arch

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in     string
		want   Platform
		string string
	}{
		{"linux/amd64", Platform{OS: "linux", Architecture: "amd64"}, "linux/amd64"},
		{"linux/amd64/v1", Platform{OS: "linux", Architecture: "amd64"}, "linux/amd64"},
		{"linux/amd64/v3", Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}, "linux/amd64/v3"},
		{"Linux/X86_64", Platform{OS: "linux", Architecture: "amd64"}, "linux/amd64"},
		{"linux/arm64/v8", Platform{OS: "linux", Architecture: "arm64"}, "linux/arm64"},
		{"linux/arm64/v8.0", Platform{OS: "linux", Architecture: "arm64"}, "linux/arm64"},
		{"linux/arm64/9", Platform{OS: "linux", Architecture: "arm64", Variant: "v9"}, "linux/arm64/v9"},
		{"linux/aarch64", Platform{OS: "linux", Architecture: "arm64"}, "linux/arm64"},
		{"linux/arm", Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, "linux/arm/v7"},
		{"linux/arm/6", Platform{OS: "linux", Architecture: "arm", Variant: "v6"}, "linux/arm/v6"},
		{"linux/armhf", Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, "linux/arm/v7"},
		{"linux/armel", Platform{OS: "linux", Architecture: "arm", Variant: "v6"}, "linux/arm/v6"},
		{"linux/i386", Platform{OS: "linux", Architecture: "386"}, "linux/386"},
		{"linux/i686", Platform{OS: "linux", Architecture: "386"}, "linux/386"},
		{"linux/x64", Platform{OS: "linux", Architecture: "amd64"}, "linux/amd64"},
		{"linux/ppc64el", Platform{OS: "linux", Architecture: "ppc64le"}, "linux/ppc64le"},
		{"linux/mipsel", Platform{OS: "linux", Architecture: "mipsle"}, "linux/mipsle"},
		{"linux/mips64el", Platform{OS: "linux", Architecture: "mips64le"}, "linux/mips64le"},
		{"linux/arm64v8", Platform{OS: "linux", Architecture: "arm64"}, "linux/arm64"},
		{"linux/arm32v5", Platform{OS: "linux", Architecture: "arm", Variant: "v5"}, "linux/arm/v5"},
		{"linux/armv6l", Platform{OS: "linux", Architecture: "arm", Variant: "v6"}, "linux/arm/v6"},
		{"linux/armv8l", Platform{OS: "linux", Architecture: "arm", Variant: "v8"}, "linux/arm/v8"},
		{"macos/arm64", Platform{OS: "darwin", Architecture: "arm64"}, "darwin/arm64"},
		{"linux/new32", Platform{OS: "linux", Architecture: "new32"}, "linux/new32"},
		{"arm64", Platform{OS: "linux", Architecture: "arm64"}, "linux/arm64"},
		{"armv7l", Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, "linux/arm/v7"},
		{"unknown/unknown", Platform{OS: "unknown", Architecture: "unknown"}, "unknown/unknown"},
		{"windows/amd64:10.0.17763.1", Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763.1"}, "windows/amd64:10.0.17763.1"},
		{"windows(10.0.17763)/amd64", Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763"}, "windows/amd64:10.0.17763"},
		{"windows(10.0.1+b+a+b)/amd64", Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.1", OSFeatures: "a+b"}, "windows/amd64:10.0.1+a+b"},
		{"linux/amd64:+erofs", Platform{OS: "linux", Architecture: "amd64", OSFeatures: "erofs"}, "linux/amd64:+erofs"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if got.String() != tt.string {
				t.Errorf("String() = %q, want %q", got, tt.string)
			}
			if back, err := Parse(got.String()); err != nil || back != got {
				t.Errorf("Parse(%q) = %+v, %v", got, back, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "not of the form",
		"linux":                     "the architecture is missing",
		"darwin":                    "the architecture is missing",
		"macOS":                     "the architecture is missing",
		"windows:10.0.17763":        "the architecture is missing",
		"amd46":                     "no such architecture",
		"all":                       "no such architecture",
		"linux/":                    "not of the form",
		"/amd64":                    "not of the form",
		"linux/arm/v7/x":            "more than three parts",
		"linux/*":                   "not of the form",
		"linux/amd 64":              "not of the form",
		"linux/amd64:":              "not of the form",
		"windows(1.2/amd64":         "not of the form",
		"windows(1)/amd64:1":        "not of the form",
		"windows/amd64:1+":          "no version and no feature",
		"windows/amd64:1+a++b":      "no version and no feature",
		"windows/amd64:1:2":         "no version and no feature",
		strings.Repeat("a", 10_000): "too long",
	} {
		got, err := Parse(in)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("Parse(%.40q) = %+v, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseHints(t *testing.T) {
	_, err := Parse("macos")
	var hinter interface{ Hint() string }
	if !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), "darwin/amd64") {
		t.Errorf("Parse: %v has no hint that helps", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"linux/arm/v7", "windows(10.0.1+a)/amd64", "windows/amd64:10.0+b", "arm64", "macos/x86_64/v2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		if p != p.Normalize() {
			t.Fatalf("Parse(%q) = %+v, not normalised", s, p)
		}
		if back, err := Parse(p.String()); err != nil || back != p {
			if len(p.String()) <= maxInputBytes && !strings.Contains(p.String(), "…") {
				t.Fatalf("Parse(%q) = %+v; Parse(%q) = %+v, %v", s, p, p.String(), back, err)
			}
		}
		theirs, err := platforms.Parse(s)
		if err != nil || !strings.Contains(s, "/") {
			return // a form that is ours alone, or one word, which containerd reads by the machine
		}
		ours := p.spec()
		if n := platforms.Normalize(theirs); !isAliased(s) && !cmp.Equal(n, ours) {
			t.Fatalf("Parse(%q): ours %+v, containerd's %+v", s, ours, n)
		}
	})
}

// isAliased reports whether s holds a word that containerd does not translate.
func isAliased(s string) bool {
	word := strings.ToLower(strings.Split(s, "/")[1])
	return withArchitecture("", word, "").Architecture != word
}
