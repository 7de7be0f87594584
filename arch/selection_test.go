package arch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseList(t *testing.T) {
	amd, arm := Platform{OS: "linux", Architecture: "amd64"}, Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
	tests := []struct {
		in   []string
		want Selection
	}{
		{nil, Selection{}},
		{[]string{"all"}, Selection{All: true}},
		{[]string{"local"}, Selection{Local: true}},
		{[]string{"linux/amd64, linux/arm", "linux/arm/v7", "local"}, Selection{Local: true, Platforms: []Platform{amd, arm}}},
	}
	for _, tt := range tests {
		got, err := ParseList(tt.in)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", tt.in, err, diff)
		}
		if got.IsZero() != (tt.in == nil) {
			t.Errorf("%q: IsZero() = %t", tt.in, got.IsZero())
		}
	}
	for _, in := range [][]string{{""}, {"linux/amd64,"}, {"linux"}, {"all", "nothing"}} {
		if got, err := ParseList(in); err == nil || !got.IsZero() {
			t.Errorf("%q: %+v, %v; want an error", in, got, err)
		}
	}
}

func TestApply(t *testing.T) {
	entries := parseAll(t, "linux/arm/v6 unknown/unknown linux/amd64 linux/arm64 linux/amd64/v2 unknown/unknown")
	local := Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	for flags, want := range map[string][]int{
		"all":                        {0, 2, 3, 4},
		"all,linux/s390x":            {0, 2, 3, 4},
		"local":                      {3},
		"linux/arm64,local":          {3},
		"linux/arm64,linux/amd64":    {2, 3},
		"linux/amd64,linux/arm64":    {2, 3},
		"linux/arm/v7":               {0},
		"linux/arm/v7,linux/arm/v6":  {0},
		"linux/amd64/v3,linux/amd64": {2, 4},
	} {
		s, err := ParseList([]string{flags})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Apply(entries, local); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", flags, got, err, want)
		}
	}
	if got, err := (Selection{}).Apply(entries, local); err != nil || got != nil {
		t.Errorf("nothing asked: %v, %v", got, err)
	}
}

func TestApplyMissing(t *testing.T) {
	s, err := ParseList([]string{"linux/s390x,linux/amd64,linux/386"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Apply(parseAll(t, "linux/amd64 linux/arm/v7 unknown/unknown linux/amd64"), Platform{})
	var missing *MissingError
	if !errors.As(err, &missing) || !slices.Equal(missing.Missing, parseAll(t, "linux/s390x linux/386")) {
		t.Fatalf("got %v", err)
	}
	want := "selecting platforms: linux/s390x, linux/386 are not there: it holds linux/amd64, linux/arm/v7"
	if err.Error() != want {
		t.Errorf("%s\nwant %s", err, want)
	}
	one := &MissingError{Missing: missing.Missing[:1]}
	if got := one.Error(); got != "selecting platforms: linux/s390x is not there: it holds no platform" {
		t.Error(got)
	}
	for i := range 1000 {
		one.Have = append(one.Have, Platform{OS: "linux", Architecture: strings.Repeat("a", i+1)})
	}
	if got := one.Error(); len(got) > 10_000 {
		t.Errorf("an error of %d bytes", len(got))
	}
}
