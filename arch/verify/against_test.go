package verify_test

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/place"
)

func TestPlatforms(t *testing.T) {
	s := newStore(t)
	root := s.images(app("", "linux/amd64", "amd64"), app("", "linux/arm64", "amd64"))
	amd, err := arch.ParseList([]string{"amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if r := s.run(root, verify.Options{Platforms: amd}); verdicts(r) != "OK" || !r.OK {
		t.Error(dump(r))
	}
	none, err := arch.ParseList([]string{"s390x"})
	if err != nil {
		t.Fatal(err)
	}
	var missing *arch.MissingError
	if _, err := verify.Run(t.Context(), s, root, verify.Options{Platforms: none}); !errors.As(err, &missing) {
		t.Error(err)
	}
}

func TestAgainst(t *testing.T) {
	s, other := newStore(t), newStore(t)
	specs := []spec{app("", "linux/amd64", "amd64"), app("", "linux/arm64", "arm64")}
	root, same := s.images(specs...), other.images(specs...)
	run := func(root v1.Descriptor) *verify.Report {
		return s.run(s.images(specs...), verify.Options{Against: other, AgainstRoot: root})
	}
	if r := run(same); !r.OK || len(r.Findings) > 0 || root.Digest != same.Digest {
		t.Error(dump(r))
	}
	for _, d := range []v1.Descriptor{r0(other, same), other.manifestOf(r0(other, same)).Config, other.manifestOf(r0(other, same)).Layers[0]} {
		other.gone = map[v1.Hash]error{d.Digest: place.ErrNotFound}
		if r := run(same); verdicts(r) != "OK OK" || r.OK {
			t.Error(dump(r))
		}
		mustFind(t, run(same), verify.KindAgainst, verify.Error, "there: "+d.Digest.String())
	}
	other.gone = nil
	changed := app("", "linux/arm64", "s390x")
	if fs := findings(run(other.images(specs[0], changed)), verify.KindAgainst); len(fs) != 2 || !strings.HasPrefix(fs[1].Text, "linux/arm64 is sha256:") {
		t.Errorf("%+v", fs)
	}
	if fs := findings(run(other.images(specs[0])), verify.KindAgainst); len(fs) != 2 || fs[1].Text != "linux/arm64 is not there" {
		t.Errorf("%+v", fs)
	}
}
