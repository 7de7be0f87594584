package arch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestV1RoundTrip(t *testing.T) {
	want := v1.Platform{OS: "windows", Architecture: "ARM64", Variant: "v8", OSVersion: "10.0.1", OSFeatures: []string{"a", "b"}}
	given := want
	given.OSFeatures = []string{"b", "", "a", "b"}
	if diff := cmp.Diff(want, FromV1(&given).ToV1()); diff != "" {
		t.Error(diff)
	}
	if got := FromV1(nil); got != (Platform{}) {
		t.Errorf("FromV1(nil) = %+v", got)
	}
	if got := (Platform{}).ToV1(); !got.Equals(v1.Platform{}) {
		t.Errorf("ToV1 of nothing = %+v", got)
	}
}

func TestStringIsSafe(t *testing.T) {
	for _, tt := range []struct {
		p    Platform
		want string
	}{
		{Platform{}, "unknown"},
		{Platform{OS: "linux"}, "linux"},
		{Platform{Architecture: "amd64"}, "unknown/amd64"},
		{Platform{OS: "linux", Architecture: "a\x1b[31m/b"}, `linux/"a\x1b[31m/b"`},
		{Platform{OS: "linux", Architecture: "amd64", OSVersion: "a b", OSFeatures: "c+\n"}, `linux/amd64:"a b"+"\n"+c`},
	} {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.p, got, tt.want)
		}
	}
	long := Platform{OS: strings.Repeat("x", 1000), Architecture: strings.Repeat("y", 1000), Variant: strings.Repeat("z", 1000)}
	if got := long.String(); len(got) > 3*(maxPrintedBytes+10) {
		t.Errorf("%d bytes: not cut", len(got))
	}
}

func TestNormalizeKeepsEmptyOS(t *testing.T) {
	if got := (Platform{Architecture: "aarch64"}).Normalize(); got != (Platform{Architecture: "arm64"}) {
		t.Errorf("got %+v: it must not depend on this machine", got)
	}
}

func TestIsAttestation(t *testing.T) {
	for p, want := range map[Platform]bool{
		{OS: "unknown", Architecture: "unknown"}: true,
		{OS: "linux", Architecture: "unknown"}:   false,
		{}:                                       false,
	} {
		if got := p.IsAttestation(); got != want {
			t.Errorf("%s: %t, want %t", p, got, want)
		}
	}
}

func TestValid(t *testing.T) {
	for in, why := range map[string]string{
		"linux/amd64": "", "linux/amd64/v4": "", "linux/arm/v5": "", "linux/arm/v8": "", "linux/arm64/v8.9": "", "linux/arm64/v9.7": "",
		"windows/amd64:10.0.1": "", "darwin/arm64": "", "wasi/wasm": "", "wasi/wasm32": "", "linux/wasm": "", "linux/ppc64le/power9": "",
		"linux/riscv64/rva20u64": "", "linux/s390x": "", "freebsd/amd64": "", "linux/loong64": "",
		"linux/arm64/v7":     "no variant v7 of arm64",
		"linux/arm64/v8.10":  "no variant",
		"linux/arm64/v9.8":   "no variant",
		"linux/arm/v9":       "no variant",
		"linux/arm/v7.1":     "no variant",
		"linux/amd64/v5":     "no variant",
		"linux/amd64/v8":     "no variant",
		"linux/386/v1":       "no variant",
		"linus/amd64":        "no operating system linus",
		"linux/amd46":        "no architecture amd46",
		"unknown/unknown":    "no operating system unknown",
		"windows/s390x":      "windows does not run on s390x",
		"darwin/riscv64":     "does not run",
		"wasi/amd64":         "does not run",
		"windows/wasm":       "does not run",
		"freebsd/wasm":       "does not run",
		"linux/arm64/\x1b[0": `\x1b`,
	} {
		parts := append(strings.Split(in, "/"), "")
		p := Platform{OS: parts[0], Architecture: strings.TrimSuffix(parts[1], ":10.0.1"), Variant: parts[2]}
		if err := p.Valid(); (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", in, err, why)
		}
	}
	for _, p := range []Platform{{}, {OS: "linux"}, {Architecture: "amd64"}} {
		if p.Valid() == nil {
			t.Errorf("%+v is taken for valid", p)
		}
	}
}
