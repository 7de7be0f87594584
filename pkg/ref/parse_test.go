package ref

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
)

const (
	hex64  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	sha256 = "sha256:" + hex64
	sha512 = "sha512:" + hex64 + hex64
)

func hub(repository, tag string) Name {
	return Name{Host: "docker.io", Repository: repository, Tag: tag}
}

func TestParse(t *testing.T) {
	alpine := hub("library/alpine", "latest")
	tests := []struct {
		in   string
		want Ref
	}{
		{"alpine", Ref{Kind: Registry, Name: alpine}},
		{"docker://alpine", Ref{Kind: Registry, Name: alpine, Explicit: true}},
		{"docker:24", Ref{Kind: Registry, Name: hub("library/docker", "24")}},
		{"docker:5000/a", Ref{Kind: Registry, Name: Name{Host: "docker:5000", Repository: "a", Tag: "latest"}}},
		{"registry:2", Ref{Kind: Registry, Name: hub("library/registry", "2")}},
		{"store", Ref{Kind: Registry, Name: hub("library/store", "latest")}},
		{"path:1", Ref{Kind: Registry, Name: hub("library/path", "1")}},
		{"docker://x/y.tar", Ref{Kind: Registry, Name: hub("x/y.tar", "latest"), Explicit: true}},
		{"docker://store:5000/a:1", Ref{Kind: Registry, Name: Name{Host: "store:5000", Repository: "a", Tag: "1"}, Explicit: true}},

		{"store:", Ref{Kind: Store, Explicit: true}},
		{"docker-daemon:", Ref{Kind: DockerDaemon, Explicit: true}},
		{"store:alpine", Ref{Kind: Store, Name: alpine, Explicit: true}},
		{"docker-daemon:alpine:3", Ref{Kind: DockerDaemon, Name: hub("library/alpine", "3"), Explicit: true}},
		{"containers-storage:localhost/a", Ref{Kind: ContainersStorage, Name: Name{Host: "localhost", Repository: "a", Tag: "latest"}, Explicit: true}},

		{"ssh://host/store:", Ref{Kind: SSH, Host: "host", Far: Store, Explicit: true}},
		{"ssh://u@h.example:22/store:alpine", Ref{Kind: SSH, Host: "u@h.example:22", Far: Store, Name: alpine, Explicit: true}},
		{"ssh://[::1]:22/docker://alpine", Ref{Kind: SSH, Host: "[::1]:22", Far: Registry, Name: alpine, Explicit: true}},
		{"ssh://my_alias/oci:dir:v1", Ref{Kind: SSH, Host: "my_alias", Far: OCIDir, Path: "dir", Image: "v1", Explicit: true}},
		{"ssh://host/a.tar", Ref{Kind: SSH, Host: "host", Far: Path, Path: "a.tar"}},
		{"ssh://host//srv/it's $HOME", Ref{Kind: SSH, Host: "host", Far: Path, Path: "/srv/it's $HOME"}},

		{"oci:dir", Ref{Kind: OCIDir, Path: "dir", Explicit: true}},
		{"oci:dir:v1_", Ref{Kind: OCIDir, Path: "dir", Image: "v1_", Explicit: true}},
		{"oci:dir:ghcr.io/a/b:1.0", Ref{Kind: OCIDir, Path: "dir", Image: "ghcr.io/a/b:1.0", Explicit: true}},
		{"oci:dir@" + sha256, Ref{Kind: OCIDir, Path: "dir", Image: "@" + sha256, Explicit: true}},
		{"oci:dir@" + sha512, Ref{Kind: OCIDir, Path: "dir", Image: "@" + sha512, Explicit: true}},
		{"oci:dir:v1@" + sha256, Ref{Kind: OCIDir, Path: "dir", Image: "v1@" + sha256, Explicit: true}},
		{"oci:/ws/job@2/out:v1", Ref{Kind: OCIDir, Path: "/ws/job@2/out", Image: "v1", Explicit: true}},
		{"oci:job@tmp", Ref{Kind: OCIDir, Path: "job@tmp", Explicit: true}},
		{`oci:C:\dir:tag`, Ref{Kind: OCIDir, Path: `C:\dir`, Image: "tag", Explicit: true}},
		{`oci:c:/dir@` + sha256, Ref{Kind: OCIDir, Path: `c:/dir`, Image: "@" + sha256, Explicit: true}},
		{`oci:C:\dir`, Ref{Kind: OCIDir, Path: `C:\dir`, Explicit: true}},
		{"oci:C:dir", Ref{Kind: OCIDir, Path: "C", Image: "dir", Explicit: true}},
		{"oci-archive:a.tar:v1", Ref{Kind: OCIArchive, Path: "a.tar", Image: "v1", Explicit: true}},
		{"docker-archive:a.tar", Ref{Kind: DockerArchive, Path: "a.tar", Explicit: true}},
		{"docker-archive:a.tar:ghcr.io/a/b:1", Ref{Kind: DockerArchive, Path: "a.tar", Image: "ghcr.io/a/b:1", Explicit: true}},
		{`docker-archive:D:\a b.tar:x`, Ref{Kind: DockerArchive, Path: `D:\a b.tar`, Image: "x", Explicit: true}},

		{"-", Ref{Kind: Path, Path: "-"}},
		{".", Ref{Kind: Path, Path: "."}},
		{"..", Ref{Kind: Path, Path: ".."}},
		{"/srv/a:b", Ref{Kind: Path, Path: "/srv/a:b"}},
		{"./oci:dir", Ref{Kind: Path, Path: "./oci:dir"}},
		{"../a", Ref{Kind: Path, Path: "../a"}},
		{`.\a`, Ref{Kind: Path, Path: `.\a`}},
		{`..\a`, Ref{Kind: Path, Path: `..\a`}},
		{`\\server\share`, Ref{Kind: Path, Path: `\\server\share`}},
		{`C:\x\y.tar`, Ref{Kind: Path, Path: `C:\x\y.tar`}},
		{`C:/x`, Ref{Kind: Path, Path: `C:/x`}},
		{"App v1.tar", Ref{Kind: Path, Path: "App v1.tar"}},
		{"a.tar.gz", Ref{Kind: Path, Path: "a.tar.gz"}},
		{"a.tgz", Ref{Kind: Path, Path: "a.tgz"}},
		{"a.tar.zst", Ref{Kind: Path, Path: "a.tar.zst"}},
		{"x.tar.001", Ref{Kind: Path, Path: "x.tar.001"}},
		{"a/x.tar.p01", Ref{Kind: Path, Path: "a/x.tar.p01"}},
		{"x.parts.json", Ref{Kind: Path, Path: "x.parts.json"}},
		{"x.tar.1", Ref{Kind: Registry, Name: hub("library/x.tar.1", "latest")}},
		{"x.001", Ref{Kind: Registry, Name: hub("library/x.001", "latest")}},
		{"ghcr.io/a/b.tar", Ref{Kind: Path, Path: "ghcr.io/a/b.tar"}},
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
			if back, err := Parse(got.String()); err != nil || back != got {
				t.Errorf("Parse(%q) = %+v, %v", got.String(), back, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ in, why, hint string }{
		{"", "empty", ""},
		{"a\x00b", "zero byte", ""},
		{"./" + strings.Repeat("a", maxInputBytes), "too long", ""},
		{"oci:", "no path after oci:", ""},
		{"oci::v1", "no path", ""},
		{"oci:@" + sha256, "no path", ""},
		{"oci:dir:", "no tag after", "leave the colon out"},
		{"oci:dir@sha256:abc", "is no digest", "64"},
		{"oci:dir:a b", "is no tag", "./PATH"},
		{"oci:dir:-a", "is no tag", "first colon"},
		{"oci:dir:a@b", "is no digest", ""},
		{"docker-archive:a.tar:Upper", "lower case", ""},
		{"docker-archive:a.tar:@0", "is no digest", ""},
		{"docker://", "empty", ""},
		{"docker-daemon:" + sha256, "image ID", "docker tag"},
		{"docker://", "empty", ""},
		{"docker://./a", "is no host", ""},
		{"Alpine", "lower case", "./NAME"},
		{"~/a", "cannot stand", ""},
		{"dir:/tmp/x", `scheme "dir:" is not known`, "oci:DIR"},
		{"ostree:x", "not known", "known are"},
		{"containerd:x", "not known", "ctr images export"},
		{"podman:x", "not known", "containers-storage:"},
		{"ssh://host/x", "does not say which place", "ssh://host/store:x"},
		{"ssh://host", "does not say which place", "store:NAME"},
		{"ssh://host/", "does not say which place", ""},
		{"ssh:///store:x", "is no [USER@]HOST", ""},
		{"ssh://-oProxyCommand=x/store:x", "is no [USER@]HOST", ""},
		{"ssh://-l@host/store:x", "is no [USER@]HOST", ""},
		{"ssh://a b/store:x", "is no [USER@]HOST", ""},
		{"ssh://u:p@host/store:x", "is no [USER@]HOST", ""},
		{"ssh://host:0/store:x", "is no [USER@]HOST", ""},
		{"ssh://host:x/store:x", "is no [USER@]HOST", ""},
		{"ssh://[::1/store:x", "is no [USER@]HOST", ""},
		{"ssh://" + strings.Repeat("h", 600) + "/store:x", "is no [USER@]HOST", ""},
		{"ssh://host/./a\nb", "control characters", ""},
		{"ssh://host/ssh://other/store:x", "from host to host", "ProxyJump"},
		{"ssh://host/-", "taken by ssh", ""},
		{"ssh://host/oci:", "no path after oci:", ""},
		{"https://ghcr.io/a/b", "not known", "without its scheme"},
		{"https://example.com/a.tar", "not known", "downloaded first"},
		{"file:///tmp/a.tar", "not known", "path alone"},
		{"oci://ghcr.io/a/b", "not known", "docker://NAME"},
		{"docker-archive:///tmp/a.tar", "not known", "without the slashes"},
		{"dir://x", "not known", "oci:DIR"},
	}
	for _, tt := range tests {
		t.Run(tt.in[:min(len(tt.in), 40)], func(t *testing.T) {
			got, err := Parse(tt.in)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("Parse = %+v, %v; want a *SyntaxError", got, err)
			}
			if !strings.Contains(syntax.Error(), tt.why) || !strings.Contains(syntax.Hint(), tt.hint) {
				t.Errorf("error %q, hint %q; want %q, %q", syntax, syntax.Hint(), tt.why, tt.hint)
			}
			if syntax.Input != tt.in {
				t.Errorf("Input = %q, want the whole string", syntax.Input)
			}
		})
	}
}

func TestErrorsAreQuotedAndCut(t *testing.T) {
	_, err := Parse("\x1b[31m" + strings.Repeat("ü", 500))
	if err == nil {
		t.Fatal("want an error")
	}
	if msg := err.Error(); strings.ContainsRune(msg, 0x1b) || len(msg) > 2*200*2+200 || !strings.Contains(msg, "…") {
		t.Errorf("neither quoted nor cut: %s", msg)
	}
}

// A ref that no one typed must still be written so that it is read as the same place.
func TestStringOfMadeRefs(t *testing.T) {
	tests := []struct {
		ref  Ref
		want string
	}{
		{Ref{Kind: Registry, Name: Name{Host: "store:5000", Repository: "a", Tag: "1"}}, "docker://store:5000/a:1"},
		{Ref{Kind: Registry, Name: hub("library/a", "b.tar")}, "docker://docker.io/library/a:b.tar"},
		{Ref{Kind: Path, Path: "folder"}, "./folder"},
		{Ref{Kind: Path, Path: "oci:x"}, "./oci:x"},
		{Ref{Kind: Store}, "store:"},
	}
	for _, tt := range tests {
		if got := tt.ref.String(); got != tt.want {
			t.Errorf("String() = %q, want %q", got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"alpine:3@" + sha256, "docker://localhost:5000/a", "[::1]:5000/a/b__c", "store:", "oci:C:\\d:t",
		"oci:d@" + sha512, "docker-archive:x.tar:a:1", "a.tgz", "ssh://x", "ssh://u@h:22/store:a", "ssh://h//a b", "docker.io/localhost/a", "sha256/" + hex64,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			if len(err.Error()) > 10_000 {
				t.Fatalf("error of %d bytes", len(err.Error()))
			}
			return
		}
		if back, err := Parse(r.String()); err != nil || back != r {
			t.Fatalf("Parse(%q) = %+v; Parse(%q) = %+v, %v", s, r, r.String(), back, err)
		}
		if r.Name == (Name{}) {
			return
		}
		if r.Name.Identifier() == "" {
			t.Fatalf("%q has neither tag nor digest", s)
		}
		for _, form := range []string{r.Name.String(), r.Name.Familiar()} {
			if back, err := ParseName(form); err != nil || back != r.Name {
				t.Fatalf("%+v is written %q and read back as %+v, %v", r.Name, form, back, err)
			}
		}
		if base, err := ParseRepository(r.Name.Base().String()); err != nil || base != r.Name.Base() {
			t.Fatalf("base of %+v is read back as %+v, %v", r.Name, base, err)
		}
		if d := r.Name.Digest; d != "" && digest.Digest(d).Validate() != nil {
			t.Fatalf("%q passed as digest", d)
		}
	})
}
