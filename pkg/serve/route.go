package serve

import (
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/ref"
)

// A kind is what a request is about: one of the endpoints of the specification.
type kind string

const (
	base      kind = "base"      // /v2/
	catalog   kind = "catalog"   // /v2/_catalog
	tags      kind = "tags"      // /v2/NAME/tags/list
	manifests kind = "manifests" // /v2/NAME/manifests/TAG or DIGEST
	blobs     kind = "blobs"     // /v2/NAME/blobs/DIGEST
	referrers kind = "referrers" // /v2/NAME/referrers/DIGEST
	uploads   kind = "uploads"   // /v2/NAME/blobs/uploads/
	session   kind = "session"   // /v2/NAME/blobs/uploads/ID
)

// A route is a parsed path.
type route struct {
	kind       kind
	repository string // follows the grammar of the specification
	id         string // of an upload
	tag        string
	digest     v1.Hash // set where tag is not
}

// parsePath parses the path of a URL. The last components decide, since those of
// a repository's name may be the same words.
func parsePath(path string) (route, error) {
	rest, ok := strings.CutPrefix(path, "/v2")
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return route{}, faultf(http.StatusNotFound, unsupported, "there is nothing but /v2/ here")
	case rest == "" || rest == "/":
		return route{kind: base}, nil
	case rest == "/_catalog":
		return route{kind: catalog}, nil
	}
	head, last := cutLast(rest[1:])
	head, word := cutLast(head)
	rt := route{repository: head}
	switch {
	case word == "tags" && last == "list":
		rt.kind = tags
	case word == "manifests":
		rt.kind = manifests
	case word == "referrers":
		rt.kind = referrers
	case word == "blobs":
		rt.kind = blobs
	case word == "uploads":
		rt.kind, rt.id = session, last
		if last == "" {
			rt.kind = uploads
		}
		if rt.repository, word = cutLast(head); word == "blobs" {
			break
		}
		fallthrough
	default:
		return route{}, faultf(http.StatusNotFound, unsupported, "there is no such endpoint")
	}
	if !isRepository(rt.repository) {
		return route{}, faultf(http.StatusBadRequest, nameInvalid, "%.300q is no name of a repository", rt.repository)
	}
	return rt.identify(last)
}

func cutLast(s string) (head, last string) {
	i := strings.LastIndexByte(s, '/')
	return s[:max(i, 0)], s[i+1:]
}

// isRepository: what follows the host in an image name.
func isRepository(s string) bool {
	const host = "registry.example"
	n, err := ref.ParseRepository(host + "/" + s)
	return err == nil && n.Host == host && n.Repository == s
}

// identify parses what stands last in the path.
func (rt route) identify(last string) (route, error) {
	var err error
	switch {
	case rt.kind == manifests && !strings.Contains(last, ":"):
		rt.tag = last
		if !isTag(last) {
			return route{}, faultf(http.StatusNotFound, manifestUnknown, "%.300q is no tag", last)
		}
	case rt.kind == manifests, rt.kind == blobs, rt.kind == referrers:
		rt.digest, err = parseDigest(last)
	}
	return rt, err
}

func isTag(s string) bool {
	n, err := ref.ParseName("registry.example/a:" + s)
	return err == nil && n.Tag == s
}

func parseDigest(s string) (v1.Hash, error) {
	h, err := v1.NewHash(s)
	if err != nil || h.String() != s {
		return v1.Hash{}, faultf(http.StatusBadRequest, digestInvalid, "%.300q is no digest that is known here", s)
	}
	return h, nil
}
