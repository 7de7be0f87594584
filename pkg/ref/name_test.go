package ref

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
)

func TestParseName(t *testing.T) {
	long := strings.Repeat("a", 255)
	tests := []struct {
		in       string
		want     Name
		familiar string
	}{
		{"alpine", hub("library/alpine", "latest"), "alpine:latest"},
		{"alpine:3.20", hub("library/alpine", "3.20"), "alpine:3.20"},
		{"alpine@" + sha256, hub("library/alpine", "").WithDigest(sha256), "alpine@" + sha256},
		{"alpine:3@" + sha512, hub("library/alpine", "3").WithDigest(sha512), "alpine:3@" + sha512},
		{"docker.io/alpine", hub("library/alpine", "latest"), "alpine:latest"},
		{"docker.io/library/alpine", hub("library/alpine", "latest"), "alpine:latest"},
		{"index.docker.io/a/b:c", hub("a/b", "c"), "a/b:c"},
		{"registry-1.docker.io/a", hub("library/a", "latest"), "a:latest"},
		{"library/a/b", hub("library/a/b", "latest"), "library/a/b:latest"},
		{"localhost:5000", hub("library/localhost", "5000"), "localhost:5000"},
		{"docker.io/localhost/a", hub("localhost/a", "latest"), "docker.io/localhost/a:latest"},
		{"docker.io/a.b/c", hub("a.b/c", "latest"), "docker.io/a.b/c:latest"},
		{"docker.io/library/" + hex64, hub("library/"+hex64, "latest"), hex64 + ":latest"},
		{"library/sha256:" + hex64, hub("library/sha256", hex64), "library/sha256:" + hex64},
		{"localhost/a", Name{Host: "localhost", Repository: "a", Tag: "latest"}, "localhost/a:latest"},
		{"localhost:5000/a:b", Name{Host: "localhost:5000", Repository: "a", Tag: "b"}, "localhost:5000/a:b"},
		{"[::1]:5000/a", Name{Host: "[::1]:5000", Repository: "a", Tag: "latest"}, "[::1]:5000/a:latest"},
		{"[fd00::a]/a/b:c", Name{Host: "[fd00::a]", Repository: "a/b", Tag: "c"}, "[fd00::a]/a/b:c"},
		{"10.0.0.1:80/a", Name{Host: "10.0.0.1:80", Repository: "a", Tag: "latest"}, "10.0.0.1:80/a:latest"},
		{"Host/a", Name{Host: "Host", Repository: "a", Tag: "latest"}, "Host/a:latest"},
		{"gcr.io/a/b/c/d", Name{Host: "gcr.io", Repository: "a/b/c/d", Tag: "latest"}, "gcr.io/a/b/c/d:latest"},
		{"a__b/c---d/e.f_g", hub("a__b/c---d/e.f_g", "latest"), "a__b/c---d/e.f_g:latest"},
		{"a:_.-", hub("library/a", "_.-"), "a:_.-"},
		{"a:" + strings.Repeat("T", 128), hub("library/a", strings.Repeat("T", 128)), "a:" + strings.Repeat("T", 128)},
		{"h.io/" + long, Name{Host: "h.io", Repository: long, Tag: "latest"}, "h.io/" + long + ":latest"},
	}
	for _, tt := range tests {
		t.Run(tt.in[:min(len(tt.in), 40)], func(t *testing.T) {
			got, err := ParseName(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if f := got.Familiar(); f != tt.familiar {
				t.Errorf("Familiar() = %q, want %q", f, tt.familiar)
			}
		})
	}
}

func TestParseNameRefuses(t *testing.T) {
	for _, in := range []string{
		"", hex64, sha256, sha512, "A", "a/B", "a b", " a", "a\n", "ü", "a//b", "/a", "a/", "a.", "-a", "_a", "a-", "a..b", "a._b", "a___b",
		"a_-b", "a-_b", "a:", "a:b:c", "a:.b", "a:-b", "a:b/c/d:e", "a:" + strings.Repeat("t", 129), "a@", "a@sha256:", "a@" + hex64,
		"a@sha256:" + strings.ToUpper(hex64), "a@sha384:" + hex64 + hex64[:32], "a@md5:d41d8cd98f00b204e9800998ecf8427e",
		"a@" + sha256 + "@" + sha256, "user@host/a", "h.io/" + strings.Repeat("a", 256), "h..io/a", "-h.io/a", "h-.io/a", "h_o.io/a",
		".io/a", "h.io:/a", "h.io:x/a", "h.io:65536/a", "h.io:-1/a", "[::1/a", "[::1]5/a", "[::1%25eth0]:5/a", "[1.2.3.4]/a", "[::ffff:1.2.3.4]/a",
		"[::1]:5000", "[zz::]/a", "::1/a", "docker.io/", "localhost/",
	} {
		if got, err := ParseName(in); err == nil {
			t.Errorf("ParseName(%q) = %+v, want an error", in, got)
		}
	}
}

func TestParseRepository(t *testing.T) {
	if got, err := ParseRepository("ghcr.io/a/b"); err != nil || got.String() != "ghcr.io/a/b" || got.Tag != "" {
		t.Errorf("ParseRepository = %+v, %v", got, err)
	}
	for _, in := range []string{"a:b", "a@" + sha256, "", "A", sha256} {
		if got, err := ParseRepository(in); err == nil {
			t.Errorf("ParseRepository(%q) = %+v, want an error", in, got)
		}
	}
}

func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"index.docker.io": "docker.io", "localhost": "localhost", "[::1]:5000": "[::1]:5000", "h:1": "h:1",
	} {
		if got, err := ParseHost(in); err != nil || got != want {
			t.Errorf("ParseHost(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a/b", "https://a", "a:b", "a b", "[]", "user@a"} {
		if got, err := ParseHost(in); err == nil {
			t.Errorf("ParseHost(%q) = %q, want an error", in, got)
		}
	}
}

func TestNameForms(t *testing.T) {
	n := hub("library/alpine", "3").WithDigest(sha256)
	for got, want := range map[string]string{
		n.String():                          "docker.io/library/alpine:3@" + sha256,
		n.Tagged():                          "docker.io/library/alpine:3",
		n.WithTag("").Tagged():              "docker.io/library/alpine",
		n.Identifier():                      sha256,
		n.WithDigest("").Identifier():       "3",
		n.WithTag("4").String():             "docker.io/library/alpine:4@" + sha256,
		n.WithDigest(sha512).String():       "docker.io/library/alpine:3@" + sha512,
		n.Base().String():                   "docker.io/library/alpine",
		n.Base().Familiar():                 "alpine",
		Name{}.String() + Name{}.Familiar(): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// go-containerregistry reads the same names, but: it knows no upper-case hosts, calls Docker Hub
// index.docker.io, is laxer about separators and
// empty tags, and drops the tag beside a digest.
func TestAgreesWithGoContainerRegistry(t *testing.T) {
	for _, in := range []string{
		"alpine", "alpine:3.20", "a/b", "a/b/c:d", "docker.io/alpine", "docker.io/a/b", "index.docker.io/a", "gcr.io/a", "gcr.io/a/b:c",
		"localhost/a", "localhost:5000/a:b", "localhost:5000", "10.0.0.1:5000/a/b", "quay.io/a/b@" + sha256, "alpine@" + sha256, "alpine:3@" + sha256,
		"a:" + strings.Repeat("t", 128), "h.io/" + strings.Repeat("a", 255),
		"", "A", "a:b:c", "a@sha256:1", "a:" + strings.Repeat("t", 129), "h.io/" + strings.Repeat("a", 256), "a b",
	} {
		theirs, theirErr := name.ParseReference(in)
		ours, err := ParseName(in)
		if (err == nil) != (theirErr == nil) {
			t.Errorf("ParseName(%q): %v; go-containerregistry: %v", in, err, theirErr)
			continue
		}
		if err != nil {
			continue
		}
		host := strings.Replace(theirs.Context().RegistryStr(), "index.docker.io", "docker.io", 1)
		if ours.Host != host || ours.Repository != theirs.Context().RepositoryStr() || ours.Identifier() != theirs.Identifier() {
			t.Errorf("ParseName(%q) = %v; go-containerregistry: %v", in, ours, theirs)
		}
		if again, err := name.ParseReference(ours.String()); err != nil || again.Identifier() != theirs.Identifier() || again.Context().Name() != theirs.Context().Name() {
			t.Errorf("go-containerregistry reads %q as %v, %v; want %v", ours, again, err, theirs)
		}
	}
}
