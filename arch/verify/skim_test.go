package verify_test

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify"
)

// Reading from the top stops where the start is known; the other layers are only asked for.
func TestSkim(t *testing.T) {
	base, middle := []file{program(glibc[1:], elfFor("amd64"))}, []file{script("etc/passwd", "")}
	for name, tt := range map[string]struct {
		top  []file
		argv []string
		read int
		want string
	}{
		"static":     {[]file{program("app", elfFor("amd64"))}, []string{"/app"}, 1, "OK"},
		"foreign":    {[]file{program("app", elfFor("arm64"))}, []string{"/app"}, 1, "CONTENT"},
		"dynamic":    {[]file{program("app", dynamic(glibc))}, []string{"/app"}, 3, "OK"},
		"PATH":       {[]file{program("usr/bin/app", elfFor("amd64"))}, []string{"app"}, 3, "OK"},
		"not there":  {[]file{script("x", "")}, []string{"/app"}, 3, "MISSING"},
		"hidden":     {[]file{script(".wh.app", "")}, []string{"/app"}, 1, "MISSING"},
		"no command": {[]file{program("app", elfFor("arm64"))}, nil, 3, "MIXED"},
	} {
		s := newStore(t)
		root := s.images(spec{config: "linux/amd64", start: v1.Config{Entrypoint: tt.argv}, layers: [][]file{base, middle, tt.top}})
		r := s.run(root, verify.Options{Skim: true})
		if verdicts(r) != tt.want || r.Layers.Read != tt.read || r.Layers.Total != 3 {
			t.Errorf("%s: %s", name, dump(r))
		}
		if r := s.run(root, verify.Options{Skim: true, Binaries: verify.All}); r.Layers.Read != 3 {
			t.Errorf("%s, all: %s", name, dump(r))
		}
		if r := s.run(root, verify.Options{Skim: true, Binaries: verify.None}); r.Layers.Read != 0 || verdicts(r) != "OK" {
			t.Errorf("%s, none: %s", name, dump(r))
		}
	}
}

// A layer that was only asked for is found to be too short.
func TestSkimShort(t *testing.T) {
	s := newStore(t)
	d := s.image(spec{config: "linux/amd64", start: started("/app"), layers: [][]file{{script("x", "")}, {program("app", elfFor("amd64"))}}})
	s.wrong[s.manifestOf(d).Layers[0].Digest] = []byte("short")
	r := s.run(d, verify.Options{Skim: true})
	if mustFind(t, r, verify.KindSize, verify.Error, "less than the"); verdicts(r) != "CORRUPT" {
		t.Error(dump(r))
	}
}
