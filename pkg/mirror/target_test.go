package mirror_test

import (
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/ref"
)

func TestTargetName(t *testing.T) {
	for _, tt := range []struct{ to, ruleTo, from, want string }{
		{"registry.local:5000", "", "alpine:3", "registry.local:5000/library/alpine:3"},
		{"registry.local:5000/m/", "", "ghcr.io/a/b:1", "registry.local:5000/m/a/b:1"},
		{"docker://localhost/m", "base/alpine", "alpine:3", "localhost/m/base/alpine:3"},
		{"docker.io/org", "hub/", "alpine:3", "docker.io/org/hub/library/alpine:3"},
		{"registry.local/m", "", "alpine@sha256:" + strings.Repeat("0", 64), "registry.local/m/library/alpine@sha256:" + strings.Repeat("0", 64)},
		{"store:", "", "alpine:3", "docker.io/library/alpine:3"},
		{"oci:dir", "base/", "ghcr.io/a/b:1", "docker.io/base/a/b:1"},
		{"all.tar", "registry.local:5000/base", "alpine:3", "registry.local:5000/base:3"},
	} {
		target, err := mirror.ParseTarget(tt.to)
		if err != nil {
			t.Error(err)
			continue
		}
		from, err := ref.ParseName(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := target.Name(&mirror.Rule{To: tt.ruleTo}, from)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s, %q: %s is %s, %v", tt.to, tt.ruleTo, tt.from, got, err)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, to := range []string{"", "mirror", "mirror/a", "localhost:x/a", "registry.local/A", "docker-daemon:", "store:a", "oci:dir:1", "-", "docker-archive:x.tar:a"} {
		if target, err := mirror.ParseTarget(to); err == nil {
			t.Errorf("%q is %+v", to, target)
		}
	}
}
