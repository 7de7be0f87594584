package serve

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	hexSum  = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	aDigest = "sha256:" + hexSum
)

func TestParsePath(t *testing.T) {
	h := v1.Hash{Algorithm: "sha256", Hex: hexSum}
	for path, want := range map[string]route{
		"/v2":                            {kind: base},
		"/v2/":                           {kind: base},
		"/v2/_catalog":                   {kind: catalog},
		"/v2/a/tags/list":                {kind: tags, repository: "a"},
		"/v2/a/b/manifests/1.0":          {kind: manifests, repository: "a/b", tag: "1.0"},
		"/v2/a/manifests/" + aDigest:     {kind: manifests, repository: "a", digest: h},
		"/v2/ghcr.io/a/blobs/" + aDigest: {kind: blobs, repository: "ghcr.io/a", digest: h},
		"/v2/a/referrers/" + aDigest:     {kind: referrers, repository: "a", digest: h},
		"/v2/a/blobs/uploads/":           {kind: uploads, repository: "a"},
		"/v2/a/blobs/uploads/X1":         {kind: session, repository: "a", id: "X1"},
		"/v2/blobs/uploads/tags/list":    {kind: tags, repository: "blobs/uploads"},
		"/v2/a/blobs/uploads/tags/list":  {kind: tags, repository: "a/blobs/uploads"},
		"/v2/tags/list/tags/list":        {kind: tags, repository: "tags/list"},
		"/v2/h_5000/a/manifests/_x-1.":   {kind: manifests, repository: "h_5000/a", tag: "_x-1."},
		"/v2/uploads/blobs/uploads/tags": {kind: session, repository: "uploads", id: "tags"},
	} {
		got, err := parsePath(path)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for path, want := range map[string]code{
		"":                     unsupported,
		"/":                    unsupported,
		"/v1/":                 unsupported,
		"/v22":                 unsupported,
		"/v2//":                unsupported,
		"/v2/a":                unsupported,
		"/v2/a/tags":           unsupported,
		"/v2/a/tags/list/":     unsupported,
		"/v2/a/uploads/x":      unsupported,
		"/v2/tags/list":        nameInvalid,
		"/v2//tags/list":       nameInvalid,
		"/v2/A/tags/list":      nameInvalid,
		"/v2/../a/tags/list":   nameInvalid,
		"/v2/a/../b/tags/list": nameInvalid,
		"/v2/a//b/tags/list":   nameInvalid,
		"/v2/a:1/tags/list":    nameInvalid,
		"/v2/a@b/tags/list":    nameInvalid,
		"/v2/a\x00/tags/list":  nameInvalid,
		"/v2/" + strings.Repeat("a", 256) + "/tags/list": nameInvalid,
		"/v2/a/manifests/":                              manifestUnknown,
		"/v2/a/manifests/..":                            manifestUnknown,
		"/v2/a/manifests/" + strings.Repeat("a", 129):   manifestUnknown,
		"/v2/a/manifests/sha256:../..":                  unsupported,
		"/v2/a/manifests/sha256:..":                     digestInvalid,
		"/v2/a/blobs/" + hexSum:                         digestInvalid,
		"/v2/a/blobs/md5:" + hexSum[:32]:                digestInvalid,
		"/v2/a/blobs/sha256:" + strings.ToUpper(hexSum): digestInvalid,
		"/v2/a/referrers/latest":                        digestInvalid,
	} {
		rt, err := parsePath(path)
		var f *fault
		if !errors.As(err, &f) || f.code != want || f.status < http.StatusBadRequest {
			t.Errorf("%q: %+v, %v", path, rt, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{"/v2/", "/v2/a/b/manifests/1", "/v2/a/blobs/" + aDigest, "/v2/a/blobs/uploads/x", "/v2/a/../tags/list"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		rt, err := parsePath(path)
		if err != nil || rt.kind == base || rt.kind == catalog {
			return
		}
		if !isRepository(rt.repository) || strings.Contains(rt.repository, "..") || !strings.Contains(path, "/"+rt.repository+"/") {
			t.Errorf("%q: repository %q", path, rt.repository)
		}
		if strings.ContainsAny(rt.tag+rt.id, "/") || rt.tag != "" && !isTag(rt.tag) {
			t.Errorf("%q: tag %q, upload %q", path, rt.tag, rt.id)
		}
		if rt.digest != (v1.Hash{}) {
			if _, err := v1.NewHash(rt.digest.String()); err != nil || strings.ContainsAny(rt.digest.Hex, "./") {
				t.Errorf("%q: digest %v", path, rt.digest)
			}
		}
	})
}
